"""Prints the check sums of JPEG files as libjpeg decodes them: jpegs.py FOLDER > jpegs.sums

Needs Pillow, which uses libjpeg-turbo. CMYK is turned to RGB without a profile, grey to RGB.
"""
import pathlib
import sys
import zlib

from PIL import Image

for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    picture = Image.open(path)
    if picture.mode == "CMYK":
        # Product of a colour and black, rounded, of inverted values.
        data, rgb = picture.tobytes(), bytearray()
        for at in range(0, len(data), 4):
            black = 255 - data[at + 3]
            for value in data[at : at + 3]:
                product = (255 - value) * black + 128
                rgb.append((product + (product >> 8)) >> 8)
        pixels = bytes(rgb)
    else:
        pixels = picture.convert("RGB").tobytes()
    print(path.name, f"{zlib.crc32(pixels):08x}")
