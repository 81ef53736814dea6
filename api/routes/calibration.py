"""How far moderation's confidence can be trusted, by what people decided."""

from api.calibrating import calibration
from api.documents import rounded
from api.routes.guarding import Tenant
from api.routes.problems import ANY_PROBLEM
from api.routes.routing import Router
from api.routes.serving import ServerHere
from api.scoring import CalibrationReport

router = Router(prefix="/v1/calibration", tags=["moderation"], responses=ANY_PROBLEM)


@router.get("")
def get_calibration(server: ServerHere, tenant: Tenant) -> CalibrationReport:
    """Hold your decisions on moderation against the model's confidence, clause by clause, and suggest bands."""
    return rounded(calibration(server.reviews, server.place.records, server.place.storage, tenant))
