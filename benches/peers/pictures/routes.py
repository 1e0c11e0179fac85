"""How people do it in Python: Pillow, OpenCV, numpy, torchvision.

Each route takes what the Criterion bench of the same name takes, and gives what that gives.
"""

import io

import cv2
import numpy as np
import torch
from PIL import Image
from torchvision import transforms

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
GREY = (114, 114, 114)
STRIDE = 32


def letterbox(rgb, side, square):
    """Ultralytics' way: OpenCV, channels first by numpy, a float tensor."""
    height, width = rgb.shape[:2]
    ratio = min(side / height, side / width)
    new = round(width * ratio), round(height * ratio)
    free = [side - length if square else (side - length) % STRIDE for length in new]
    picture = cv2.resize(rgb, new, interpolation=cv2.INTER_LINEAR)
    left, top = free[0] // 2, free[1] // 2
    picture = cv2.copyMakeBorder(
        picture, top, free[1] - top, left, free[0] - left, cv2.BORDER_CONSTANT, value=GREY
    )
    planes = np.ascontiguousarray(picture[None].transpose(0, 3, 1, 2))
    return torch.from_numpy(planes).float() / 255


def stretch_pillow(image, side):
    """The filter of torchvision's `Resize` on a Pillow image: bilinear with antialias."""
    return image.resize((side, side), Image.Resampling.BILINEAR)


def stretch_area(rgb, side):
    return cv2.resize(rgb, (side, side), interpolation=cv2.INTER_AREA)


def stretch_linear(rgb, side):
    return cv2.resize(rgb, (side, side), interpolation=cv2.INTER_LINEAR)


def normalise_torchvision(side):
    """BiRefNet's model card."""
    return transforms.Compose([
        transforms.Resize((side, side)),
        transforms.ToTensor(),
        transforms.Normalize(MEAN, DEVIATION),
    ])


def normalise_numpy(image, side):
    values = np.asarray(stretch_pillow(image, side), np.float32) / np.float32(255)
    values = (values - np.float32(MEAN)) / np.float32(DEVIATION)
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])


def blur_fusion(image, foreground, background, alpha, size):
    """One pass of blur fusion (Forte, "Approximate Fast Foreground Colour Estimation", 2021)."""
    blur = lambda values: cv2.blur(values, (size, size))
    near = blur(alpha)[..., None]
    alpha = alpha[..., None]
    foreground = blur(foreground * alpha) / (near + 1e-5)
    background = blur(background * (1 - alpha)) / ((1 - near) + 1e-5)
    error = image - alpha * foreground - (1 - alpha) * background
    return np.clip(foreground + alpha * error, 0, 1), background


def refine(rgb, alpha, kind):
    """Two passes, of 90 and of 6 pixels, at full size; `kind` is the float type it computes in."""
    image, alpha = rgb.astype(kind) / kind(255), alpha.astype(kind)
    foreground, background = blur_fusion(image, image, image, alpha, 90)
    foreground, _ = blur_fusion(image, foreground, background, alpha, 6)
    return (foreground * 255).astype(np.uint8)


def png_pillow(image, **options):
    file = io.BytesIO()
    image.save(file, "png", **options)
    return file.getvalue()


def png_opencv(bgra):
    return cv2.imencode(".png", bgra)[1]


def jpeg(rgb, quality=90):
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "jpeg", quality=quality)
    return file.getvalue()


def decode_pillow(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def decode_opencv(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
