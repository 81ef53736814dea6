"""How telling of finished jobs goes."""

from api.routes.guarding import Tenant
from api.routes.problems import ANY_PROBLEM
from api.routes.routing import Router
from api.routes.serving import ServerHere
from api.routes.views import EndpointsView, EndpointView

router = Router(prefix="/v1/webhooks", tags=["webhooks"], responses=ANY_PROBLEM)


@router.get("", response_model=EndpointsView)
def get_webhooks(server: ServerHere, tenant: Tenant) -> EndpointsView:
    """Every address you have given as a `webhook`, and whether it takes what it is sent; last tried first."""
    states = server.place.webhooks.deliveries.by_endpoint(tenant)
    return EndpointsView(items=[EndpointView.of(state) for state in states])
