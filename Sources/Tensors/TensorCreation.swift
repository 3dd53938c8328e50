import AviaryDiagnostics
import AviaryKernels

extension Tensor {
  /// One value everywhere, in the shape of another tensor.
  public init(repeating value: Float, like other: Tensor) { self.init(repeating: value, shape: other.shape) }

  /// Zeros in the shape of another tensor.
  public init(zerosLike other: Tensor) { self.init(zeros: other.shape) }

  /// Ones in the shape of another tensor.
  public init(onesLike other: Tensor) { self.init(ones: other.shape) }

  /// `start`, `start + step` and so on, up to before `end`; PyTorch's `arange`. The elements are computed in double.
  public init(from start: Float = 0, to end: Float, by step: Float = 1) {
    ensure(
      step != 0 && start.isFinite && end.isFinite && (end - start) * step >= 0,
      "Tensor: steps of \(step) do not lead from \(start) to \(end)")
    let (first, width) = (Double(start), Double(step))
    let steps = (Double(end) - first) / width
    // Numbers such as 0.1 are rounded. Where no more than that is left over, the last step leads to the end itself, which
    // does not belong to them. Numbers such as 0.25, of few binary digits, are not.
    let whole = steps.rounded()
    let isRounded = Swift.max(start.significandWidth, step.significandWidth) > 12
    let rounding = Double(Float.ulpOfOne) / 2 * ((first.magnitude + Double(end).magnitude) / width.magnitude + whole)
    let isEnd = isRounded && (steps - whole).magnitude <= Swift.min(rounding, 1e-3)
    let count = Int(isEnd ? whole : steps.rounded(.up))
    self.init((0..<count).map { Float(first + Double($0) * width) }, shape: [count])
  }

  /// `count` numbers at equal distances from `start` through `end`; PyTorch's `linspace`.
  public init(from start: Float, through end: Float, count: Int) {
    ensure(count >= 0, "Tensor: a count of \(count) is negative")
    let step = count > 1 ? (Double(end) - Double(start)) / Double(count - 1) : 0
    // From both ends, so that both are met exactly.
    let numbers = (0..<count).map {
      $0 < count / 2 || count == 1 ? Double(start) + step * Double($0) : Double(end) - step * Double(count - 1 - $0)
    }
    self.init(numbers.map { Float($0) }, shape: [count])
  }

  /// Ones on the main diagonal, and zeros: [rows, columns], square where no number of columns is given; PyTorch's `eye`.
  public init(identity rows: Int, columns: Int? = nil) {
    let columns = columns ?? rows
    ensure(rows >= 0 && columns >= 0, "Tensor: an identity matrix cannot be \(rows) by \(columns)")
    self.init((0..<rows * columns).map { $0 / columns == $0 % columns ? 1 : 0 }, shape: [rows, columns])
  }

  /// The numbers of an integer tensor.
  public init(_ integers: IntTensor) { self.init(integers.scalars.map { Float($0) }, shape: integers.shape) }

  /// Ones where a mask is true, and zeros.
  public init(_ mask: Mask) { self = mask.tensor }
}

// MARK: - Random numbers

// The same seed gives the same numbers on every machine: Philox4x32-10. For further streams of one seed see `RandomStream`.

extension Tensor {
  /// Uniform random numbers in [lower, upper).
  public init(uniform lower: Float = 0, _ upper: Float = 1, seed: UInt64, shape: [Int]) {
    self.init(uniform: lower, upper, stream: RandomStream(seed: seed, purpose: "uniform"), shape: shape)
  }

  /// Normal random numbers.
  public init(normal mean: Float = 0, deviation: Float = 1, seed: UInt64, shape: [Int]) {
    self.init(normal: mean, deviation: deviation, stream: RandomStream(seed: seed, purpose: "normal"), shape: shape)
  }

  /// Ones with the probability given, and zeros.
  public init(bernoulli probability: Float, seed: UInt64, shape: [Int]) {
    ensure((0...1).contains(probability), "Tensor: \(probability) is not a probability")
    let numbers = Tensor(uniform: 0, 1, stream: RandomStream(seed: seed, purpose: "bernoulli"), shape: shape)
    self = (numbers .< probability).tensor
  }
}

extension IntTensor {
  /// The numbers 0..<count in random order; PyTorch's `randperm`.
  public init(permutation count: Int, seed: UInt64) {
    ensure(count >= 0, "IntTensor: a count of \(count) is negative")
    var stream = RandomStream(seed: seed, purpose: "permutation")
    self.init(stream.permutation(count).map { Int32($0) })
  }

  /// Whole random numbers in a range; PyTorch's `randint`.
  public init(randomIn range: Range<Int>, seed: UInt64, shape: [Int]) {
    ensure(!range.isEmpty, "IntTensor: the range \(range) is empty")
    var stream = RandomStream(seed: seed, purpose: "integers")
    self.init(
      (0..<shape.reduce(1, *)).map { _ in Int32(range.lowerBound + stream.integer(below: range.count)) }, shape: shape)
  }
}
