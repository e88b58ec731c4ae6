"""How a lack of memory is told, the machine's or a GPU's, by Python, the libraries and the system."""

import errno

_SIGNS = (
    "can't allocate memory",  # PyTorch's allocator on the CPU
    "std::bad_alloc",  # C++ code below PyTorch
    "could not create a primitive",  # oneDNN, whose code generator found no room
    "can't start new thread",  # no room for its stack
    "out of memory",  # PyTorch's allocator on the GPU, CUDA's own calls outside it, and Pillow's decoders
    "_STATUS_ALLOC_FAILED",  # cuBLAS and cuDNN
    "Cannot allocate memory",  # the system, in the words of libraries that do not pass on its number
    "without setting an exception",  # CPython, where its import finds no room; a SystemError, as the next
    "error return without exception set",
    "failed to map segment from shared object",  # the loader of an extension module; an ImportError
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says nothing but that: in particular, nothing of the file that was being read."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or any(sign in str(error) for sign in _SIGNS)
