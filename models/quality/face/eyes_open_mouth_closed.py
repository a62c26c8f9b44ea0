"""Are the eyes open, is the mouth shut: two gaps of the mesh."""

from collections.abc import Callable

from models.detect import face_mesh
from models.errors import InferenceError
from models.quality.view.face_view import FaceView
from models.values.face import Mesh
from models.values.measurement import Measure, NotAssessed, measured


def eye_opening(view: FaceView) -> Measure:
    """Above 0: height over width of the eye that is open less. ISO/IEC 29794-5 *Eyes open*.

    Narrow eyes that are open and eyes half shut overlap (`mesh.eye_opening`): no limit is shipped.
    """
    return _of_mesh(view, lambda seen: min(face_mesh.eye_opening(seen)))


def mouth_opening(view: FaceView) -> Measure:
    """From 0, shut: the gap between the lips over the mouth's width. ISO/IEC 29794-5 *Mouth closed*."""
    return _of_mesh(view, face_mesh.mouth_opening)


def _of_mesh(view: FaceView, take: Callable[[Mesh], float]) -> Measure:
    if view.mesh is None:
        return NotAssessed("no mesh")
    try:
        return measured(take(view.mesh))
    except InferenceError as error:
        return NotAssessed(str(error))
