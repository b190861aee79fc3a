"""A reader of safetensors for tests, without packages."""
import array
import json
import struct


def read_safetensors(path):
    """Name -> values (f32 only)."""
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(size))
        data = file.read()
    tensors = {}
    for name, about in header.items():
        if name == "__metadata__":
            continue
        assert about["dtype"] == "F32", about
        begin, end = about["data_offsets"]
        tensors[name] = array.array("f", data[begin:end])
    return tensors
