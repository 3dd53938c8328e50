import CKernels

/// What a thread is working on, which the program says if it runs out of memory.
package enum CurrentWork {
  /// Runs `body` under a name such as "tensor 'fc.weight'".
  package static func named<Result, Fault: Error>(
    _ name: @autoclosure () -> String, _ body: () throws(Fault) -> Result
  ) throws(Fault) -> Result {
    var text = name()
    text.withUTF8 { bytes in
      unsafe bytes.withMemoryRebound(to: CChar.self) { unsafe ak_set_current_work($0.baseAddress, $0.count) }
    }
    defer { ak_set_current_work(nil, 0) }
    return try body()
  }
}
