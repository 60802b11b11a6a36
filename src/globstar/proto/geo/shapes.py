"""Shapes of GML locations: their attributes, to XML and back (RFC 5491 5.2)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass


class GeoError(ValueError):
    """A location that makes no sense."""


GML = "http://www.opengis.net/gml"
GS = "http://www.opengis.net/pidflo/1.0"
CRS = {"2d": "urn:ogc:def:crs:EPSG::4326", "3d": "urn:ogc:def:crs:EPSG::4979"}
METRES = "urn:ogc:def:uom:EPSG::9001"
DEGREES = "urn:ogc:def:uom:EPSG::9102"


@dataclass(frozen=True, slots=True)
class Shape:
    """Attributes that a shape has: position (``pos`` or several ``posList``), lengths in metres, angles in degrees."""

    namespace: str
    dimensions: tuple[str, ...]
    position: str = "pos"
    metres: tuple[str, ...] = ()
    degrees: tuple[str, ...] = ()

    @property
    def attributes(self) -> tuple[str, ...]:
        """All names, in the order of XML."""
        return (self.position, *self.metres, *self.degrees)


SHAPES = {
    "Point": Shape(GML, ("2d", "3d")),
    "Polygon": Shape(GML, ("2d", "3d"), "posList"),
    "Circle": Shape(GS, ("2d",), metres=("radius",)),
    "Ellipse": Shape(GS, ("2d",), metres=("semiMajorAxis", "semiMinorAxis"), degrees=("orientation",)),
    "ArcBand": Shape(GS, ("2d",), metres=("innerRadius", "outerRadius"), degrees=("startAngle", "openingAngle")),
    "Sphere": Shape(GS, ("3d",), metres=("radius",)),
    "Ellipsoid": Shape(GS, ("3d",), metres=("semiMajorAxis", "semiMinorAxis", "verticalAxis"), degrees=("orientation",)),
    "Prism": Shape(GS, ("3d",), "posList", metres=("height",)),
}


def _is_number(text: str) -> bool:
    try:
        return float(text) == float(text) and abs(float(text)) < 1e12
    except ValueError:
        return False


def check_shape(info: dict[str, str]) -> None:
    """Raise GeoError unless ``info`` (``shape``, ``crs``, and the shape's attributes) describes a place.

    Values with ``${`` are not looked at: they are known only in the call.
    """
    shape = SHAPES.get(info.get("shape", ""))
    if shape is None:
        raise GeoError(f"'{info.get('shape', '')}' is no shape")
    crs = info.get("crs", shape.dimensions[0])
    if crs not in shape.dimensions:
        raise GeoError(f"crs={crs} does not fit {info['shape']}")
    for name in shape.attributes:
        value = info.get(name, "")
        if not value:
            raise GeoError(f"{info['shape']} needs {name}")
        if "${" in value:
            continue
        numbers = value.split()
        if not all(_is_number(number) for number in numbers):
            raise GeoError(f"{name} is no number")
        size = 2 if crs == "2d" else 3
        if name == "pos" and len(numbers) != size:
            raise GeoError(f"pos has {len(numbers)} numbers, not {size}")
        if name == "posList" and (len(numbers) % size or len(numbers) < 4 * size):
            raise GeoError("posList has too few numbers")
    unknown = set(info) - {"shape", "crs", *shape.attributes}
    if unknown:
        raise GeoError(f"{info['shape']} has no {min(unknown)}")


def to_gml(info: dict[str, str], parent: ET.Element) -> None:
    """Append a shape that check_shape accepts to ``parent``."""
    shape = SHAPES[info["shape"]]
    crs = info.get("crs", shape.dimensions[0])
    element = ET.SubElement(parent, f"{{{shape.namespace}}}{info['shape']}", {"srsName": CRS[crs]})
    if shape.position == "pos":
        ET.SubElement(element, f"{{{GML}}}pos").text = info["pos"]
    elif info["shape"] == "Prism":
        base = ET.SubElement(ET.SubElement(element, f"{{{GS}}}base"), f"{{{GML}}}Polygon")
        _ring(base, info["posList"])
    else:
        _ring(element, info["posList"])
    for names, unit in ((shape.metres, METRES), (shape.degrees, DEGREES)):
        for name in names:
            ET.SubElement(element, f"{{{GS}}}{name}", {"uom": unit}).text = info[name]


def _ring(parent: ET.Element, positions: str) -> None:
    ring = ET.SubElement(ET.SubElement(parent, f"{{{GML}}}exterior"), f"{{{GML}}}LinearRing")
    ET.SubElement(ring, f"{{{GML}}}posList").text = positions


def from_gml(element: ET.Element) -> tuple[tuple[str, str], ...]:
    """The pairs of a shape in XML; raises GeoError for what is none."""
    name = element.tag.rpartition("}")[2]
    shape = SHAPES.get(name)
    if shape is None:
        raise GeoError(f"<{name}> is no shape")
    crs = next((key for key, urn in CRS.items() if urn == element.get("srsName", CRS[shape.dimensions[0]])), "")
    info = {"shape": name, "crs": crs}
    positions: list[str] = []
    for item in element.iter():
        tag, text = item.tag.rpartition("}")[2], " ".join((item.text or "").split())
        if tag in ("pos", "posList"):
            positions.append(text)
        elif tag in shape.attributes:
            info[tag] = text
    info[shape.position] = " ".join(positions)
    check_shape(info)
    return tuple(info.items())
