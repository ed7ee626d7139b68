// Greets whom it is told to: GET /?name=Ada
const http = require('http')
const escape = require('escape-html')

const server = http.createServer((request, response) => {
  const name = new URL(request.url, 'http://localhost').searchParams.get('name') || 'world'
  response.setHeader('Content-Type', 'text/html; charset=utf-8')
  response.end(`<p>Hello, ${escape(name)}!</p>\n`)
})

// The first process of a container ends by no signal that it doesn't ask for.
process.on('SIGTERM', () => process.exit(0))
server.listen(3000)
