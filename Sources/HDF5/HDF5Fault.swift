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
  /// An object that is needed is among those that were not read: see `HDF5Contents.refusals`.
  case refused(path: String, object: String, reason: String)
  /// The file has no such object.
  case noObject(path: String, object: String)
  /// libhdf5 could not write; `reason` is what it said first.
  case cannotWrite(path: String, object: String, reason: String)

  /// One line, whatever the names in the file contain.
  public var description: String { line.printable }

  private var line: String {
    switch self {
    case .archive(let fault): fault.description
    case .notHDF5(let path): "\(path): not an HDF5 file"
    case .damaged(let path, let object, let reason): "\(path): damaged: \(object): \(reason)"
    case .tooLarge(let path, let object, let bytes, let limit):
      "\(path): refused: \(object) declares \(bytes) bytes, the limit is \(limit)"
    case .leavesFile(let path, let object, let how): "\(path): refused: \(object) \(how)"
    case .unsupported(let path, let object, let feature): "\(path): \(object): \(feature) is not supported"
    case .tooMany(let path, let what, let limit): "\(path): refused: more than \(limit) \(what)"
    case .refused(let path, let object, let reason):
      "\(path): \(object.isEmpty ? "the root group" : object): \(reason)"
    case .noObject(let path, let object): "\(path): has no \(object)"
    case .cannotWrite(let path, let object, let reason): "\(path): cannot write \(object): \(reason)"
    }
  }
}

extension String {
  /// With control characters, such as line feeds, written as escapes.
  var printable: String {
    guard unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return self }
    var result = ""
    for scalar in unicodeScalars {
      if scalar.properties.generalCategory == .control {
        result += scalar.escaped(asASCII: true)
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
