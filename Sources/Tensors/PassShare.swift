import AviaryKernels

/// The part that one process has in a pass over a batch that several processes make together, each with some of the items.
///
/// The loss of the pass is this process's share of the loss of the whole batch, so that gradients add up to those of it.
package struct PassShare {
  /// How many items of the batch come before this process's own, and how many these are.
  package var first: Int
  package var count: Int
  /// Which of the processes this is.
  package var rank: Int
  /// Whether the items are not of the batch: they stand in for none, so that every process makes every exchange.
  package var isStandIn = false
  /// Adds numbers up over all processes; nil where each normalises its items by themselves.
  package var sum: ((_ values: [Double]) -> [Double])?
  /// Is told of the gradient of each variable, on its way back, as soon as nothing is added to it any more.
  package var gradientIsFinal: ((_ variable: Variable, _ gradient: Tensor) -> Void)?

  package init(first: Int, count: Int, rank: Int) {
    self.first = first
    self.count = count
    self.rank = rank
  }

  /// How many elements come before those of a tensor [N · k, …] in the tensor of the whole batch.
  ///
  /// Where the first axis is not that of the items there is no such place, and every process draws numbers of its own.
  func firstElement(of shape: [Int]) -> Int {
    guard let rows = shape.first, count > 0, rows > 0, rows % count == 0 else { return rank << 40 }
    return first * (rows / count) * shape.dropFirst().reduce(1, *)
  }
}

/// Runs `body` as a part of a pass that several processes make.
package func sharing<Result, Failure>(
  _ share: PassShare, _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
  try Pass.scope({ $0.share = share }, body)
}

extension BatchNormalization {
  /// The moments of a batch of which every process has a part, and its number of values for each channel.
  static func moments(
    _ own: Moments, count: Int, _ sum: ([Double]) -> [Double]
  ) -> (moments: Moments, count: Double) {
    let (mean, variance) = (own.mean.scalars(count: own.mean.count), own.variance.scalars(count: own.variance.count))
    let (weight, channels) = (Double(count), mean.count)
    // In double precision, where the difference of two large numbers is still the variance of numbers in single precision.
    var addends = [weight]
    for channel in 0..<channels { addends.append(Double(mean[channel]) * weight) }
    for channel in 0..<channels {
      let square = Double(mean[channel]) * Double(mean[channel])
      addends.append((Double(variance[channel]) + square) * weight)
    }
    let sums = sum(addends)
    let total = sums[0]
    var (means, variances): ([Float], [Float]) = ([], [])
    for channel in 0..<channels {
      let mean = sums[1 + channel] / total
      means.append(Float(mean))
      variances.append(Float(max(0, sums[1 + channels + channel] / total - mean * mean)))
    }
    return ((Buffer(means, shape: [channels]), Buffer(variances, shape: [channels])), total)
  }
}
