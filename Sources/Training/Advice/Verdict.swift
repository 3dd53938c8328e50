/// The rules that make advice of what was measured.
struct Verdict: Equatable {
  let size: Advice.Size
  let similarity: Advice.Similarity
  /// The layers of the backbone that are trained, in their order; empty for the head alone.
  let trained: [String]
  let isWholeNetworkTrained: Bool
  let reasons: [String]

  /// - Parameters:
  ///   - counts: the number of images of each class.
  ///   - depths: in the order in which the network runs.
  init(counts: [Int], depths: [Advice.Depth]) {
    let present = counts.filter { $0 > 0 }.sorted()
    let usual = present.isEmpty ? 0 : present[present.count / 2]
    size = usual < Advice.fewImages ? .small : .large
    var reasons = [
      "\(usual) images of a class in the middle: \(usual < Advice.fewImages ? "few" : "many") (the limit is \(Advice.fewImages))"
    ]
    let chance = 1 / Double(max(1, present.count))
    func gain(_ depth: Advice.Depth) -> Double { (depth.balancedAccuracy - chance) / max(1 - chance, 1e-9) }
    guard let last = depths.last, let best = depths.max(by: { $0.balancedAccuracy < $1.balancedAccuracy }) else {
      (similarity, trained, isWholeNetworkTrained) = (.different, [], size == .large)
      self.reasons = reasons
      return
    }
    let (lead, errors) = (best.balancedAccuracy - last.balancedAccuracy, best.standardError + last.standardError)
    let isBeaten = lead > errors
    let isGood = gain(last) >= Advice.goodFeatures
    similarity = isGood && !isBeaten ? .similar : .different
    func share(_ value: Double) -> String { "\(significant(100 * value, 3)) %" }
    reasons.append(
      "a linear classifier on the frozen features of \(last.layer) is right in \(share(last.balancedAccuracy)) of each class "
        + "(guessing: \(share(chance))): "
        + (!isGood
          ? "they do not tell the classes apart well"
          : lead <= 0
            ? "no earlier layer does better"
            : "\(isBeaten ? "but " : "")those of \(best.layer) do better, \(share(best.balancedAccuracy)), "
              + "by \(isBeaten ? "more" : "no more") than both standard errors together, \(share(errors))"))
    // The first depth that is as good as the best one: what comes before it serves as it is.
    let firstGood =
      depths.firstIndex { $0.balancedAccuracy >= best.balancedAccuracy - best.standardError } ?? depths.count - 1
    let later = depths.dropFirst(firstGood + 1).map(\.layer)
    let after =
      later.isEmpty
      ? "the last layer"
      : "what comes after \(depths[firstGood].layer), the first whose features are within a standard error of the best"
    switch (size, similarity) {
    case (.small, .similar):
      (trained, isWholeNetworkTrained) = ([], false)
      reasons.append(
        "few images, similar ones: only the head is trained, so that nothing is forgotten or learned by heart")
    case (.small, .different):
      trained = later.isEmpty ? [last.layer] : later
      isWholeNetworkTrained = false
      reasons.append(
        "few images, different ones: the head first, then \(after), with small learning rates"
      )
    case (.large, .similar):
      (trained, isWholeNetworkTrained) = ([], true)
      reasons.append(
        "many images, similar ones: there are enough to train the whole network, with small rates, the first layers with the smallest"
      )
    case (.large, .different):
      (trained, isWholeNetworkTrained) = ([], true)
      reasons.append("many images, different ones: the whole network is trained, the first layers with smaller rates")
    }
    self.reasons = reasons
  }

  /// The options of a run.
  ///
  /// - Parameter monitored: what the best epoch is chosen by, where that is known already.
  func arguments(images: Int, monitored: String? = nil) -> [String] {
    let monitor = monitored ?? (size == .large && similarity == .similar ? "loss" : nil)
    return course(images: images) + (monitor.map { ["--monitor", $0] } ?? [])
  }

  private func course(images: Int) -> [String] {
    // A few hundred steps, however few images there are.
    let stepsPerEpoch = max(1, (images * 9 / 10 + 31) / 32)
    func epochs(of steps: Int) -> Int { min(40, max(5, (steps + stepsPerEpoch - 1) / stepsPerEpoch)) }
    if isWholeNetworkTrained {
      let course = ["--layer-decay", "0.9", "--warm-up-steps", "\(min(100, stepsPerEpoch))"]
      // What is good already is changed slowly, and for longer. Of many epochs that are nearly alike, a few held-out images
      // choose by their loss; by their accuracy it would be an early one.
      return similarity == .similar
        ? ["--learning-rate", "3e-4"] + course + ["--epochs", "\(epochs(of: 400))"]
        : ["--learning-rate", "5e-4"] + course
    }
    let epochs = epochs(of: 300)
    guard let first = trained.first, let last = trained.last else {
      return ["--freeze", "backbone", "--epochs", "\(epochs)"]
    }
    let layers = first == last ? first : "\(first)..\(last)"
    let later = epochs / 3 + 1
    return [
      "--freeze", "backbone", "--unfreeze", "\(layers)@\(max(2, later))", "--layer-decay", "0.5", "--schedule",
      "cosine",
      "--epochs", "\(max(epochs, 6))",
    ]
  }
}
