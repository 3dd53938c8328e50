import AviaryArchives

/// A way in which an HDF5 file cannot be read or written.
public enum HDF5Fault: ArchiveFaultCarrying, Equatable, Sendable, CustomStringConvertible {
  /// The file itself cannot be opened, mapped, written or renamed.
  case archive(ArchiveFault)
  /// The file is not HDF5.
  case notHDF5(path: String)
  /// The structure is damaged.
  case damaged(path: String, object: String, reason: String)
  /// A dataset or attribute declares more bytes than the file can hold, or than Aviary accepts.
  case tooLarge(path: String, object: String, bytes: Int, limit: Int)
  /// A dataset keeps its bytes in another file, or is put together from other files. Links out of a file are refused.
  case leavesFile(path: String, object: String, how: String)
  /// A valid feature that Aviary does not read, such as compression by szip.
  case unsupported(path: String, object: String, feature: String)
  /// More objects, or groups nested deeper, than any checkpoint has.
  case tooMany(path: String, what: String, limit: Int)
  /// The file has no such object.
  case noObject(path: String, object: String)
  /// libhdf5 could not write; `reason` is what it said first.
  case cannotWrite(path: String, object: String, reason: String)

  public var description: String {
    switch self {
    case .archive(let fault): fault.description
    case .notHDF5(let path): "\(path): not an HDF5 file"
    case .damaged(let path, let object, let reason): "\(path): damaged: \(object): \(reason)"
    case .tooLarge(let path, let object, let bytes, let limit):
      "\(path): refused: \(object) declares \(bytes) bytes, the limit is \(limit)"
    case .leavesFile(let path, let object, let how): "\(path): refused: \(object) \(how)"
    case .unsupported(let path, let object, let feature): "\(path): \(object): \(feature) is not supported"
    case .tooMany(let path, let what, let limit): "\(path): refused: more than \(limit) \(what)"
    case .noObject(let path, let object): "\(path): has no \(object)"
    case .cannotWrite(let path, let object, let reason): "\(path): cannot write \(object): \(reason)"
    }
  }
}
