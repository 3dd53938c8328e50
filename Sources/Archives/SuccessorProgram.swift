import AviaryPlatform

/// Another executable that takes the place of this process: it keeps the process's number, files, signals and terminal, and
/// its exit status is the one that the caller sees.
public struct SuccessorProgram: Sendable {
  /// The executable's file.
  public let path: String

  /// Nil unless there is a file at `path` that this user may execute.
  public init?(_ path: String) {
    var status = stat()
    guard unsafe stat(PathText.cString(path), &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      unsafe access(PathText.cString(path), X_OK) == 0
    else {
      return nil
    }
    self.path = path
  }

  /// Starts the executable with these arguments in place of the running program. It returns only if the system refuses,
  /// with the system's reason.
  public func takeOver(arguments: [String]) -> String {
    var pointers: [UnsafeMutablePointer<CChar>?] = unsafe ([path] + arguments).map {
      unsafe strdup(PathText.cString($0))
    }
    unsafe pointers.append(nil)
    defer {
      while let pointer = unsafe pointers.popLast() { unsafe free(pointer) }
    }
    unsafe execv(PathText.cString(path), pointers)
    return unsafe String(cString: strerror(errno))
  }
}
