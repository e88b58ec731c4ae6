"""From the boxes of a plan to its geometry: walls as centre lines with a thickness, rooms as polygons."""
