/// What becomes of the losses of single elements, or of single rows.
public enum Reduction: Sendable {
  case mean, sum

  var attribute: AttributeValue { .text(self == .mean ? "mean" : "sum") }
}
