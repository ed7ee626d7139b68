/* What cppcheck, which reads no header outside the project, can't know: macros of the
 * libraries that look like statements. tests/lint hands it this file. */
#define json_object_foreach(object, key, value) \
	for ((key) = json_next(object); ((value) = json_next(object));)
#define json_object_foreach_safe(object, next, key, value) \
	for ((next) = json_next(object), (key) = json_next(object); ((value) = json_next(object));)
#define json_array_foreach(array, index, value) \
	for ((index) = 0; ((value) = json_next(array)); (index)++)
