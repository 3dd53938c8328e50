import ArgumentParser

/// Refuses the value of an option as wrong usage, under the option's own name, before any data are read.
///
/// - Parameter allowed: the values that the option takes, in words.
package func checkOption<Value>(
  _ name: String, _ value: Value?, _ allowed: String, _ isAllowed: (Value) -> Bool
) throws(ValidationError) {
  guard let value, !isAllowed(value) else { return }
  throw ValidationError("\(name) \(value) is out of range; it must be \(allowed)")
}

/// The same for whole numbers.
package func checkOption(_ name: String, _ value: Int?, in range: ClosedRange<Int>) throws(ValidationError) {
  try checkOption(name, value, "from \(range.lowerBound) to \(range.upperBound)") { range.contains($0) }
}

/// The value of an option does not go with the network or the data, which are known only while the command works: wrong
/// usage, told in one line.
struct OptionFault: Error, Equatable, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
