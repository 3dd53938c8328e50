import Foundation

/// Real data and checkpoints made by other people, which tests may use where they lie beside the package: they are not
/// part of it. A test that needs them says so: `@Test(.enabled(if: SharedData.isPresent, SharedData.absence))`.
public enum SharedData {
  /// The folder: `$AVIARY_SHARED_DATA`, else `../shared/data` beside the package root; nil where there is none.
  public static let folder: URL? = {
    let environment = ProcessInfo.processInfo.environment["AVIARY_SHARED_DATA"] ?? ""
    let candidate =
      environment.isEmpty
      ? PackageRoot.url.deletingLastPathComponent().appendingPathComponent("shared/data", isDirectory: true)
      : URL(fileURLWithPath: environment, isDirectory: true)
    return isFolder(candidate) ? candidate : nil
  }()

  public static var isPresent: Bool { folder != nil }

  /// Why a test was skipped.
  public static let absence = "the shared data are neither in $AVIARY_SHARED_DATA nor in ../shared/data"

  /// A file or folder in the shared data, such as `url("keras-h5/simple.h5")`; nil where it is absent.
  public static func url(_ path: String) -> URL? {
    guard let url = folder?.appendingPathComponent(path), FileManager.default.fileExists(atPath: url.path) else {
      return nil
    }
    return url
  }

  private static func isFolder(_ url: URL) -> Bool {
    var folder: ObjCBool = false
    return FileManager.default.fileExists(atPath: url.path, isDirectory: &folder) && folder.boolValue
  }
}

/// Where the package lies, found from this source file: tests run in a checkout.
public enum PackageRoot {
  public static let url = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
}
