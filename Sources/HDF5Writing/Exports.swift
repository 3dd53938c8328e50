// Writing speaks of the reader's values, attributes and faults: a program needs to import nothing else.
@_exported import AviaryHDF5
