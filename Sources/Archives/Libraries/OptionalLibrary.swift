import AviaryPlatform
import Synchronization

/// A library that a program uses if it is installed, and does not need to build, link or start.
///
/// The library is opened by name the first time that it is asked for, and stays open. Everything optional goes this way:
/// a codec or filter is a type whose initialiser gets its functions from an `OptionalLibrary` and throws `LibraryFault`
/// where the library is absent, so that the caller can name what needed it and go on. `Zstandard` is an example.
public final class OptionalLibrary: Sendable {
  private enum State {
    case untried
    case absent
    /// The handle that `dlopen` returned.
    case open(UInt)
  }

  /// The name for messages, such as "libzstd".
  public let name: String
  /// The package to install, for messages: Debian's name, and Homebrew's on macOS.
  public let package: String
  private let files: [String]
  private let state = Mutex(State.untried)

  /// - Parameters:
  ///   - name: the library's name, such as "libzstd".
  ///   - files: file names or paths to try in turn, such as "libzstd.so.1": with the version of the interface, as
  ///     packages without headers install it.
  ///   - package: the package to install.
  public init(_ name: String, files: [String], package: String) {
    self.name = name
    self.files = files
    self.package = package
  }

  /// A library whose file is `lib<stem>.so.<version>` on Linux and `lib<stem>.<version>.dylib`, of Homebrew, on macOS.
  public convenience init(stem: String, version: Int, debian: String, homebrew: String) {
    self.init(
      "lib" + stem, files: SharedLibrary.files(stem: stem, version: version),
      package: SharedLibrary.isHomebrew ? homebrew : debian)
  }

  /// Whether the library is installed.
  public var isInstalled: Bool { handle != nil }

  /// The function called `symbol`.
  ///
  /// Unsafe because nothing checks that `Function`, a `@convention(c)` type, is the function's type in C.
  @unsafe public func function<Function>(
    _ symbol: String, as type: Function.Type = Function.self
  ) throws(LibraryFault) -> Function {
    guard let handle else { throw .notInstalled(library: name, package: package) }
    guard let address = unsafe dlsym(UnsafeMutableRawPointer(bitPattern: handle), symbol) else {
      throw .noFunction(library: name, function: symbol, package: package)
    }
    return unsafe unsafeBitCast(address, to: type)
  }

  private var handle: UInt? {
    state.withLock { state in
      if case .untried = state {
        state = .absent
        // An empty name would open the program itself.
        for file in files where !file.isEmpty {
          // Its names stay its own: they must not replace another library's.
          if let handle = unsafe dlopen(file, RTLD_NOW | RTLD_LOCAL) {
            state = .open(UInt(bitPattern: handle))
            break
          }
        }
      }
      return if case .open(let handle) = state { handle } else { nil }
    }
  }
}
