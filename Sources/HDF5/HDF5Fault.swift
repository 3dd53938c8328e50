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
  /// A link leads out of the file, or a dataset is stored in other files; neither is followed.
  case leavesFile(path: String, object: String, how: String)
  /// A valid feature that is not supported, such as a rare compression filter.
  case unsupported(path: String, object: String, feature: String)
  /// A valid feature needs a library that is not installed, such as compression by Zstandard. The rest of the file is read.
  case missingLibrary(path: String, object: String, feature: String, library: LibraryFault)
  /// The file has more objects than the reader accepts, or groups nested deeper.
  case tooMany(path: String, what: String, limit: Int)
  /// A required object was not read: see `HDF5Contents.refusals`.
  case refused(path: String, object: String, reason: String)
  /// The file has no such object.
  case noObject(path: String, object: String)
  /// An object is of another kind than was asked for, such as a group where a dataset is expected.
  case wrongKind(path: String, object: String, expected: String, found: String)
  /// A selection that does not fit the dataset: see `HDF5Slice`.
  case outOfBounds(path: String, object: String, reason: String)
  /// The file cannot be written; `reason` is the first message of libhdf5, or what is wrong with the argument.
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
    case .missingLibrary(let path, let object, let feature, let library):
      "\(path): \(object): \(feature): \(library)"
    case .tooMany(let path, let what, let limit): "\(path): refused: more than \(limit) \(what)"
    case .refused(let path, let object, let reason):
      "\(path): \(object.isEmpty ? "the root group" : object): \(reason)"
    case .noObject(let path, let object): "\(path): has no \(object)"
    case .wrongKind(let path, let object, let expected, let found):
      "\(path): \(object.isEmpty ? "the root group" : object) is a \(found), not a \(expected)"
    case .outOfBounds(let path, let object, let reason): "\(path): \(object): \(reason)"
    case .cannotWrite(let path, let object, let reason): "\(path): cannot write \(object): \(reason)"
    }
  }
}

extension String {
  /// The text with control characters, such as line feeds, escaped.
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
