import AviaryPlatform

/// The process's standard error, unbuffered: `var error = StandardError(); print("…", to: &error)`.
public struct StandardError: TextOutputStream, Sendable {
  public init() {}

  public mutating func write(_ string: String) {
    var rest = Array(string.utf8)[...]
    while !rest.isEmpty {
      let written = unsafe rest.withUnsafeBytes { unsafe posixWrite(STDERR_FILENO, $0.baseAddress, $0.count) }
      if written < 0 {
        if errno == EINTR { continue }
        return  // standard error is closed
      }
      rest = rest.dropFirst(written)
    }
  }
}

/// `write(2)`, which `TextOutputStream.write` hides inside the type.
private func posixWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
  unsafe write(descriptor, bytes, count)
}
