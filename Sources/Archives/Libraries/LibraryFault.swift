/// Why an optional library cannot be used.
public enum LibraryFault: Swift.Error, Equatable, Sendable, CustomStringConvertible {
  /// No file of the library is found; `package` is what to install.
  case notInstalled(library: String, package: String)
  /// The library is found but lacks a function, because it is too old or another library of the same name.
  case noFunction(library: String, function: String, package: String)

  public var description: String {
    switch self {
    case .notInstalled(let library, let package): "\(library) is not installed; install the package \(package)"
    case .noFunction(let library, let function, let package):
      "\(library) has no function \(function); install a newer version of the package \(package)"
    }
  }
}
