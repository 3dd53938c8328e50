/// How the losses of elements or rows are combined.
public enum Reduction: Sendable {
  /// The mean or the sum of all elements' losses.
  case mean, sum

  var attribute: AttributeValue { .text(self == .mean ? "mean" : "sum") }
}
