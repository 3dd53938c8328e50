import AviaryArchives

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What Foundation means by a fault of a file or of JSON, in a few words on one line.
func reason(_ error: any Swift.Error) -> String {
  switch error {
  case let error as CocoaError:
    guard let system = error.underlying as? POSIXError else { return "\(error)" }
    return words[system.code] ?? "\(system.code)"
  case ArchiveFault.system(_, _, let system):
    return system.prefix(1).lowercased() + system.dropFirst()
  case DecodingError.keyNotFound(let key, _):
    return "\(key.stringValue) is missing"
  case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
    DecodingError.dataCorrupted(let context):
    let place = context.codingPath.map(\.stringValue).joined(separator: ".")
    return place.isEmpty ? context.debugDescription : "\(place): \(context.debugDescription)"
  default:
    return "\(error)"
  }
}

/// The usual reasons why a file cannot be had; any other one keeps its POSIX name.
private let words: [POSIXError.Code: String] = [
  .EACCES: "permission denied", .EPERM: "permission denied", .EROFS: "the file system is read-only",
  .ENOSPC: "no space left", .ENOENT: "no such file or folder", .EISDIR: "it is a folder",
  .ENOTDIR: "a part of the path is not a folder", .EEXIST: "a file of that name is in the way",
]
