import Foundation

/// A new, empty folder, removed with what is in it when the value goes.
public final class EmptyFolder {
  public let path: String

  public init() throws {
    path = NSTemporaryDirectory() + "aviary-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
