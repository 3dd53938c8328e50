/// Stops the program with a message unless `condition` holds: for a programmer's mistake, such as a shape that does not
/// fit. What a file, an argument or a request can cause is a thrown error instead.
///
/// It stands in for `precondition`, which drops its message in release builds.
///
/// - Parameter message: names the operation, the path of the layer where there is one, and both shapes.
@inlinable @inline(__always)
package func ensure(
  _ condition: @autoclosure () -> Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID,
  line: UInt = #line
) {
  if !condition() { stopProgram(message(), file: file, line: line) }
}

/// Prints a message to standard error, in release builds too, and stops the program.
@inline(never) @usableFromInline
package func stopProgram(_ message: String, file: StaticString = #fileID, line: UInt = #line) -> Never {
  fatalError(message, file: file, line: line)
}
