/// How the losses of elements or rows are combined.
public enum Reduction: Sendable {
  case mean, sum
}
