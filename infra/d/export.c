#include "export.h"

#include "export_compose.h"
#include "export_kube.h"
#include "export_quadlet.h"
#include "export_setup.h"

void
export_all(struct export *x)
{
	static void (*const by[TARGETS])(struct export *) = {
	    export_quadlet, export_compose, export_kube, export_swarm};

	by[x->to](x);
	export_setup(x);
}
