@_exported import enum AviaryKernels.Compute
// What users of tensors need of the layer below.
@_exported import class AviaryKernels.Confined
@_exported import struct AviaryKernels.NonfiniteCount
@_exported import class AviaryKernels.PerBody
@_exported import enum AviaryKernels.Precision
@_exported import enum AviaryKernels.Profile
@_exported import struct AviaryKernels.RandomStream
@_exported import enum AviaryKernels.RecurrentKind
