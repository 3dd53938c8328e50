/// How the losses of elements or rows are combined.
public enum Reduction: Sendable {
  case mean, sum

  var attribute: AttributeValue { .text(self == .mean ? "mean" : "sum") }
}
