#include "assets.h"

#include "strbuf.h"
#include "webpage.h"

static const char css[] =
    "main{max-width:90rem}\n"
    ".soft{color:var(--soft);font-size:.88rem}.keys{overflow-wrap:anywhere}\n"
    "header.off{background:var(--skip-bg);color:var(--skip)}\n"
    "h2{font-size:1.15rem;margin:1.6rem 0 .5rem}\n"
    "tbody th{font-size:1rem;color:inherit;overflow-wrap:anywhere}"
    "tbody th .soft{font-weight:400}time{white-space:nowrap}\n"
    "table.wide th,table.wide td{padding:.5rem .7rem}\n"
    ".bad>td .pill,.bad .pill{background:var(--bad-bg);color:var(--bad)}\n"
    ".warn .pill{background:var(--wait-bg);color:var(--wait)}\n"
    ".off .pill{background:var(--skip-bg);color:var(--skip)}\n"
    "tr.bad td:first-child{box-shadow:inset 4px 0 var(--bad)}\n"
    "tr.warn td:first-child{box-shadow:inset 4px 0 var(--wait)}\n"
    ".mark{display:inline-block;border-radius:.3rem;padding:0 .4rem;font-size:.85rem;"
    "background:var(--skip-bg);color:var(--skip)}\n"
    ".mark.good{background:var(--ok-bg);color:var(--ok)}\n"
    ".mark.warn{background:var(--wait-bg);color:var(--wait)}\n"
    ".mark.bad{background:var(--bad-bg);color:var(--bad)}\n"
    ".bar .size{fill:var(--ok)}svg.bar{min-width:4rem}\n"
    ".hosts{list-style:none;display:flex;flex-wrap:wrap;gap:.5rem;padding:0;margin:0 0 1rem}\n"
    ".hosts li{background:var(--card);border:1px solid var(--line);"
    "border-left:4px solid var(--ok);border-radius:.5rem;padding:.3rem .8rem;font-size:.9rem}\n"
    ".hosts li.bad{border-left-color:var(--bad)}.hosts li.warn{border-left-color:var(--wait)}\n"
    ".find{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;align-items:center;margin:.5rem 0}"
    ".find[hidden]{display:none}\n"
    "input[type=search]{font:inherit;color:inherit;background:var(--card);"
    "border:1px solid var(--soft);border-radius:.5rem;padding:.3rem .7rem;max-width:100%}\n"
    "nav{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;margin-bottom:1rem}\n"
    "dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));gap:.8rem;"
    "margin:0}\n"
    "dl>div{background:var(--card);border:1px solid var(--line);border-radius:.75rem;"
    "padding:.6rem .9rem}dt{color:var(--soft);font-size:.8rem;font-weight:600}dd{margin:0;"
    "overflow-wrap:anywhere}\n"
    "section ul{padding-left:0;list-style:none;margin:0}section ul li{padding:.2rem 0;"
    "overflow-wrap:anywhere}\n"
    ".timeline{list-style:none;margin:0;padding:0 0 0 1rem;border-left:2px solid var(--line)}\n"
    ".timeline li{position:relative;padding:.15rem 0 .35rem;overflow-wrap:anywhere}\n"
    ".timeline li::before{content:'';position:absolute;left:-1.4rem;top:.6rem;width:.7rem;"
    "height:.7rem;border-radius:50%;background:var(--soft)}\n"
    ".timeline li.good::before{background:var(--ok)}\n"
    ".timeline li.bad::before{background:var(--bad);border-radius:0}\n"
    ".timeline time{display:inline-block;min-width:9rem;color:var(--soft);font-size:.88rem}\n"
    "tr.gone code{text-decoration:line-through}\n"
    "pre{background:var(--card);border:1px solid var(--line);border-radius:.75rem;"
    "padding:.8rem;overflow:auto;max-height:30rem;margin:0;"
    "font:.85rem/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}\n"
    ":focus-visible{outline:2px solid currentColor;outline-offset:2px}\n"
    "@media(max-width:60rem){main{padding:.8rem .7rem 2rem}"
    "table,tbody,tr,td,tbody th{display:block}thead{position:absolute;left:-9999px}\n"
    "table{border:0;background:none;border-radius:0}\n"
    "tr{background:var(--card);border:1px solid var(--line);border-radius:.75rem;"
    "margin-bottom:.7rem;padding:.7rem .9rem;overflow:hidden}tr[hidden]{display:none}\n"
    "tbody th,td,table.wide td,table.wide tbody th{border:0;padding:.15rem 0 .15rem 6.5rem;"
    "position:relative;min-height:1.8rem}\n"
    "td::before,tbody th::before{content:attr(data-label);position:absolute;left:0;"
    "color:var(--soft);font-size:.85rem;font-weight:400}\n"
    "tr.bad td:first-child,tr.warn td:first-child{box-shadow:none}\n"
    "tr.bad{border-left:4px solid var(--bad)}tr.warn{border-left:4px solid var(--wait)}\n"
    ".timeline time{display:block}}\n";

/* Finding rows by what they say. */
static const char script[] =
    "(() => {\n"
    "\tconst find = document.getElementById('find');\n"
    "\tconst only = document.getElementById('only');\n"
    "\tconst found = document.getElementById('found');\n"
    "\tconst all = document.getElementById('all');\n"
    "\tif (!find)\n"
    "\t\treturn;\n"
    "\tfind.closest('.find').hidden = false;\n"
    "\tfunction look() {\n"
    "\t\tconst words = find.value.toLowerCase().split(/\\s+/).filter(w => w);\n"
    "\t\tconst rows = document.getElementById(find.dataset.rows).children;\n"
    "\t\tlet n = 0;\n"
    "\t\tfor (const row of rows) {\n"
    "\t\t\tconst text = row.textContent.toLowerCase();\n"
    "\t\t\tconst shown = words.every(w => text.includes(w)) &&\n"
    "\t\t\t\t!(only && only.checked && !row.querySelector('.mark.bad,.mark.warn') &&\n"
    "\t\t\t\t\t!row.matches('.bad,.warn'));\n"
    "\t\t\trow.hidden = !shown;\n"
    "\t\t\tn += shown;\n"
    "\t\t}\n"
    "\t\tif (all && words.length)\n"
    "\t\t\tall.open = true;\n"
    "\t\tfound.textContent = n === rows.length ? '' : `${n} of ${rows.length}`;\n"
    "\t}\n"
    "\tfind.addEventListener('input', look);\n"
    "\tif (only)\n"
    "\t\tonly.addEventListener('change', look);\n"
    "\tdocument.addEventListener('taken', look);\n"
    "\tif (find.value || (only && only.checked))\n"
    "\t\tlook();\n"
    "})();\n";

static const char icon[] =
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 16\">"
    "<rect width=\"16\" height=\"16\" rx=\"3\" fill=\"#12683c\"/>"
    "<path fill=\"#fff\" d=\"M3 4h10v2H3zM3 7h7v2H3zM3 10h4v2H3z\"/></svg>\n";

void
render_style(struct strbuf *b, const struct site *s, const struct item *i, time_t now)
{
	(void)s, (void)i, (void)now;
	strbuf_puts(b, web_css);
	strbuf_puts(b, css);
}

void
render_script(struct strbuf *b, const struct site *s, const struct item *i, time_t now)
{
	(void)s, (void)i, (void)now;
	strbuf_puts(b, web_js);
	strbuf_puts(b, script);
}

void
render_icon(struct strbuf *b, const struct site *s, const struct item *i, time_t now)
{
	(void)s, (void)i, (void)now;
	strbuf_puts(b, icon);
}
