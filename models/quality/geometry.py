"""Where a face is in its picture, how large, where it is turned, and whether eyes and mouth are open."""

import math

from models.detect import face_mesh
from models.quality.face_view import FaceView


def shown(view: FaceView) -> float:
    """0 to 1: the part of the face, from above the brows to below the mouth, that the image has not cut off.

    Stands in for ISO/IEC 29794-5 *Crop of the face image*, on either side, above and below. A matcher takes
    what is missing for black skin; in CASIA-FaceV5 one cut picture made four of five false non-matches.
    """
    return view.face_shown


def inter_eye_distance_px(view: FaceView) -> float:
    """Pixels of the image between the eye centres. ISO/IEC 29794-5 *Inter-eye distance*.

    Not divided by cos(yaw) as the standard does: a turned head has fewer pixels, and this says so.
    """
    return math.dist(*view.eyes)


def head_size(view: FaceView) -> float:
    """Above 0: height of the detector's box over the image's height.

    Stands in for ISO/IEC 29794-5 *Head size*, which needs the chin.
    """
    return view.face.box_in_image.height / view.image_height


def offset_x(view: FaceView) -> float:
    """About -0.5 to 0.5 of the image's width: eye midpoint from the centre, positive to the right."""
    right, left = view.eyes
    return (right[0] + left[0]) / 2 / view.image_width - 0.5


def offset_y(view: FaceView) -> float:
    """About -0.5 to 0.5 of the image's height: eye midpoint from the centre, positive downwards."""
    right, left = view.eyes
    return (right[1] + left[1]) / 2 / view.image_height - 0.5


def yaw_deg(view: FaceView) -> float:
    """-90 to 90 degrees, positive when the person looks to their left (the image's right).

    ISO/IEC 29794-5 *Head pose*, from five points in space where there is a mesh, else from five in the image:
    good for "frontal or not", to about 5 degrees. On 60 photographs and their mirror images, which must turn
    the other way, 95 of 100 agreed to 3.5 degrees with a mesh and to 6.5 without.
    """
    x, _, z = view.facing
    return math.degrees(math.atan2(x, -z))


def pitch_deg(view: FaceView) -> float:
    """-90 to 90 degrees, positive when the person looks up. ISO/IEC 29794-5 *Head pose*.

    Coarser than `yaw_deg`: noses differ.
    """
    _, y, _ = view.facing
    return math.degrees(math.asin(max(-1.0, min(1.0, -y))))


def roll_deg(view: FaceView) -> float:
    """-180 to 180 degrees, positive when the head is turned clockwise in the image: the line of the eyes.

    ISO/IEC 29794-5 *Head pose*.
    """
    right, left = view.eyes
    return math.degrees(math.atan2(left[1] - right[1], left[0] - right[0]))


def eye_opening(view: FaceView) -> float:
    """Above 0: height over width of the eye that is open less. ISO/IEC 29794-5 *Eyes open*.

    Narrow eyes that are open and eyes half shut overlap (`face_mesh.eye_opening`): no limit is shipped.
    """
    return min(face_mesh.eye_opening(view.found_mesh))


def mouth_opening(view: FaceView) -> float:
    """From 0, shut: the gap between the lips over the mouth's width. ISO/IEC 29794-5 *Mouth closed*."""
    return face_mesh.mouth_opening(view.found_mesh)
