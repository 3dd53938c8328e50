import AviaryDiagnostics
import AviaryPlatform

/// A Gaussian process of mean 0 with a Matérn 5/2 kernel that has a length for each input: what is known of a function from
/// some of its values (Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006).
public struct GaussianProcess: Sendable {
  /// What the kernel is made of.
  public struct Hyperparameters: Equatable, Sendable {
    /// How far the function stays alike, along each input.
    public var lengths: [Double]
    /// The variance of the function.
    public var signal: Double
    /// The variance of the noise in its values.
    public var noise: Double

    /// One length for each input, and both variances.
    public init(lengths: [Double], signal: Double, noise: Double) {
      self.lengths = lengths
      self.signal = signal
      self.noise = noise
    }
  }

  /// The kernel that the process was made with.
  public let hyperparameters: Hyperparameters
  /// The logarithm of the probability density of the targets, given the hyperparameters.
  public let logMarginalLikelihood: Double
  private let count: Int
  private let dimensions: Int
  /// Row-major [count, dimensions], divided by the lengths.
  private let scaled: [Double]
  private let factor: Cholesky
  /// K⁻¹·y
  private let weights: [Double]

  /// - Parameters:
  ///   - inputs: each with as many numbers as there are lengths.
  ///   - targets: the value at each input, around 0.
  ///   - hyperparameters: of the kernel, with a length for each number of an input.
  public init(inputs: [[Double]], targets: [Double], _ hyperparameters: Hyperparameters) {
    ensure(
      inputs.count == targets.count && inputs.allSatisfy { $0.count == hyperparameters.lengths.count },
      "GaussianProcess: \(inputs.count) inputs do not go with \(targets.count) targets and "
        + "\(hyperparameters.lengths.count) lengths")
    self.hyperparameters = hyperparameters
    count = inputs.count
    dimensions = hyperparameters.lengths.count
    let lengths = hyperparameters.lengths
    scaled = inputs.flatMap { row in row.indices.map { row[$0] / lengths[$0] } }
    var matrix = [Double](repeating: 0, count: count * count)
    for i in 0..<count {
      for j in 0...i {
        var square = 0.0
        for d in 0..<dimensions {
          let difference = scaled[i * dimensions + d] - scaled[j * dimensions + d]
          square += difference * difference
        }
        matrix[i * count + j] = hyperparameters.signal * Self.matern(square)
      }
      matrix[i * count + i] += hyperparameters.noise
    }
    factor = Cholesky(matrix, count)
    weights = factor.solve(targets)
    let fit = zip(targets, weights).reduce(0) { $0 + $1.0 * $1.1 }
    logMarginalLikelihood = -0.5 * fit - 0.5 * factor.logDeterminant - 0.5 * Double(count) * log(2 * .pi)
  }

  /// The mean and the variance of the function at an input, without noise.
  public func posterior(at input: [Double]) -> (mean: Double, variance: Double) {
    var covariances = [Double](repeating: 0, count: count)
    var mean = 0.0
    let lengths = hyperparameters.lengths
    let place = input.indices.map { input[$0] / lengths[$0] }
    for i in 0..<count {
      var square = 0.0
      for d in 0..<dimensions {
        let difference = place[d] - scaled[i * dimensions + d]
        square += difference * difference
      }
      let covariance = hyperparameters.signal * Self.matern(square)
      covariances[i] = covariance
      mean += covariance * weights[i]
    }
    let explained = factor.halfSolve(covariances).reduce(0) { $0 + $1 * $1 }
    return (mean, max(hyperparameters.signal - explained, 1e-12 * hyperparameters.signal))
  }

  /// The kernel of a squared distance, without the variance.
  static func matern(_ square: Double) -> Double {
    let distance = (5 * square).squareRoot()
    return (1 + distance + 5 * square / 3) * exp(-distance)
  }

  /// K⁻¹ and K⁻¹·y, for the gradient of the likelihood.
  var inverse: (matrix: [Double], weights: [Double]) { (factor.inverse, weights) }
}

/// A = L·Lᵀ of a positive definite matrix.
struct Cholesky: Sendable {
  private let count: Int
  /// Row-major; what is above the diagonal means nothing.
  private var lower: [Double]

  /// - Parameter matrix: row-major [count, count], of which the lower triangle is read. Where it is not positive definite in
  ///   doubles, its diagonal is raised.
  init(_ matrix: [Double], _ count: Int) {
    self.count = count
    lower = matrix
    let scale = (0..<count).reduce(1e-12) { max($0, matrix[$1 * count + $1] * 1e-12) }
    var jitter = 0.0
    for attempt in 0..<14 {
      if factorize(matrix, jitter, isLast: attempt == 13) { break }
      jitter = max(jitter * 10, scale)
    }
  }

  /// - Parameter isLast: whether there is no further attempt: what is not positive is made so.
  private mutating func factorize(_ matrix: [Double], _ jitter: Double, isLast: Bool) -> Bool {
    for i in 0..<count {
      let row = i * count
      for j in 0...i {
        let other = j * count
        var sum = matrix[row + j]
        if i == j { sum += jitter }
        for k in 0..<j { sum -= lower[row + k] * lower[other + k] }
        if i == j {
          guard sum > 0 || isLast else { return false }
          lower[row + i] = max(sum, 1e-300).squareRoot()
        } else {
          lower[row + j] = sum / lower[other + j]
        }
      }
    }
    return true
  }

  var logDeterminant: Double { (0..<count).reduce(0) { $0 + 2 * log(lower[$1 * count + $1]) } }

  /// L⁻¹·b
  func halfSolve(_ b: [Double]) -> [Double] {
    var x = b
    for i in 0..<count {
      let row = i * count
      var sum = x[i]
      for k in 0..<i { sum -= lower[row + k] * x[k] }
      x[i] = sum / lower[row + i]
    }
    return x
  }

  /// A⁻¹·b
  func solve(_ b: [Double]) -> [Double] {
    var x = halfSolve(b)
    for i in stride(from: count - 1, through: 0, by: -1) {
      let value = x[i] / lower[i * count + i]
      x[i] = value
      let row = i * count
      for k in 0..<i { x[k] -= lower[row + k] * value }
    }
    return x
  }

  /// A⁻¹, row-major.
  var inverse: [Double] {
    // The inverse of L, row by row, then L⁻ᵀ·L⁻¹.
    var half = [Double](repeating: 0, count: count * count)
    for i in 0..<count {
      let row = i * count
      let diagonal = 1 / lower[row + i]
      for k in 0..<i {
        let value = lower[row + k] * diagonal
        let other = k * count
        for j in 0...k { half[row + j] -= value * half[other + j] }
      }
      half[row + i] = diagonal
    }
    var result = [Double](repeating: 0, count: count * count)
    for k in 0..<count {
      let row = k * count
      for i in 0...k {
        let value = half[row + i]
        for j in 0...i { result[i * count + j] += value * half[row + j] }
      }
    }
    for i in 0..<count {
      for j in 0..<i { result[j * count + i] = result[i * count + j] }
    }
    return result
  }
}
