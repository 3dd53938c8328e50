import AviaryKernels

/// Which of the training items an epoch goes through, in which order. An epoch always has as many as there are.
public enum Sampler: String, Codable, CaseIterable, Sendable {
  /// Each once, in random order.
  case uniform
  /// Drawn with replacement, an item with the probability 1 / (classes · items of its class): PyTorch's
  /// `WeightedRandomSampler` with weights of 1 / items of the class.
  case balanced
  /// The classes by turns in random order, of each of which the items come by turns in random order (Shen et al., "Relay
  /// Backpropagation", 2016): no item of a class comes again before all others have.
  case classAware = "class-aware"

  /// The places of the items of an epoch.
  ///
  /// - Parameters:
  ///   - labels: the class of each item.
  ///   - purpose: keys the order beside the seed.
  ///   - epoch: counted from 0; each has an order of its own.
  func order(of labels: [Int32], seed: UInt64, purpose: String, epoch: Int) -> [Int] {
    var random = RandomStream(
      seed: seed, purpose: self == .uniform ? purpose : "\(purpose), \(rawValue)", step: UInt64(epoch))
    if self == .uniform || labels.isEmpty { return random.permutation(labels.count) }
    let members = Dictionary(grouping: labels.indices) { labels[$0] }.sorted { $0.key < $1.key }.map(\.value)
    if self == .balanced {
      return labels.map { _ in
        let items = members[random.integer(below: members.count)]
        return items[random.integer(below: items.count)]
      }
    }
    var classes = Turns(Array(members.indices))
    var items = members.map { Turns($0) }
    return labels.map { _ in items[classes.next(&random)].next(&random) }
  }

  /// Values that come by turns, in another random order each time round.
  private struct Turns {
    private var values: [Int]
    private var place = 0

    init(_ values: [Int]) { self.values = values }

    mutating func next(_ random: inout RandomStream) -> Int {
      if place == 0 { values = random.permutation(values.count).map { values[$0] } }
      defer { place = (place + 1) % values.count }
      return values[place]
    }
  }
}
