import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// The gradients of a step on their way to their sums over all processes: a bucket sets off as soon as all of its gradients
/// are final, while the backward pass goes on to those of the layers before.
final class GradientBuckets {
  /// PyTorch's `DistributedDataParallel` has the same.
  static let usualBytes = 25 << 20

  private struct Bucket {
    /// Places in `parameters`.
    var members: [Int]
    var missing: Int
  }

  private let group: any ProcessGroup
  private let bytes: Int
  /// Those that are trained.
  private var parameters: [Parameter] = []
  private var places: [ObjectIdentifier: Int] = [:]
  /// Places of parameters in the order in which they become final; nil before a step has shown it.
  private var order: [Int]?
  private var plan: [[Int]] = []

  // Of the current step.
  private var buckets: [Bucket] = []
  private var bucketOf: [Int] = []
  private var gradients: [Int: [Float]] = [:]
  private var seen: [Int] = []
  private var sums: [any GroupSum] = []
  /// What earlier batches of the step have left, by parameter.
  private var earlier = Gradients()

  init(_ group: any ProcessGroup, bytes: Int) {
    self.group = group
    self.bytes = bytes
  }

  /// A step begins.
  ///
  /// - Parameter earlier: the gradients of its batches before the last.
  func begin(_ trained: [Parameter], earlier: Gradients) {
    if !trained.elementsEqual(parameters, by: { $0.identity == $1.identity }) {
      parameters = trained
      places = Dictionary(
        trained.enumerated().map { (ObjectIdentifier($1.filled), $0) }, uniquingKeysWith: { first, _ in first })
      order = nil
      divide(Array(parameters.indices.reversed()))
    }
    self.earlier = earlier
    buckets = plan.map { Bucket(members: $0, missing: $0.count) }
    (gradients, seen, sums) = ([:], [], [])
  }

  private func divide(_ order: [Int]) {
    plan = []
    var size = 0
    for place in order {
      if plan.isEmpty || size >= bytes {
        plan.append([])
        size = 0
      }
      plan[plan.count - 1].append(place)
      size += 4 * parameters[place].count
    }
    bucketOf = Array(repeating: 0, count: parameters.count)
    for (number, members) in plan.enumerated() { for place in members { bucketOf[place] = number } }
  }

  /// The gradient of a variable is final, in this process.
  func isFinal(_ variable: Variable, _ gradient: Tensor) {
    guard let place = places[ObjectIdentifier(variable)], gradients[place] == nil else { return }
    let own = earlier[parameters[place]].map { gradient + $0 } ?? gradient
    gradients[place] = own.scalars
    seen.append(place)
    buckets[bucketOf[place]].missing -= 1
    // In the same order in every process, whatever becomes final first.
    while sums.count < buckets.count, buckets[sums.count].missing == 0 { send() }
  }

  /// Sends the next bucket: its gradients, and for each whether there is one.
  private func send() {
    var values: [Float] = []
    let members = buckets[sums.count].members
    values.reserveCapacity(members.reduce(members.count) { $0 + parameters[$1].count })
    for place in members {
      values += gradients[place] ?? Array(repeating: 0, count: parameters[place].count)
    }
    values += members.map { gradients[$0] == nil ? 0 : 1 }
    sums.append(group.beginSum(values))
  }

  /// The backward pass is over: sends the rest. A process without a part of the batch has sent nothing before, so that whatever
  /// processes exchange next comes after this in all of them.
  func sendRest() {
    for (place, parameter) in parameters.enumerated() where gradients[place] == nil {
      if let gradient = earlier[parameter] { gradients[place] = gradient.scalars }
    }
    while sums.count < buckets.count { send() }
  }

  /// Waits for all sums.
  func finish() -> Gradients {
    var result = Gradients()
    for (bucket, sum) in zip(buckets, sums) {
      let values = sum.wait()
      var start = 0
      let flags = values.count - bucket.members.count
      for (number, place) in bucket.members.enumerated() {
        let parameter = parameters[place]
        // A parameter without a gradient in any process is not touched, as in one process.
        if values[flags + number] > 0 {
          result[parameter] = Tensor(Array(values[start..<start + parameter.count]), shape: parameter.shape)
        }
        start += parameter.count
      }
    }
    agreeOnOrder()
    (gradients, sums, earlier) = ([:], [], Gradients())
    return result
  }

  /// After the first step: buckets in the order in which the gradients became final in the first process that had any.
  private func agreeOnOrder() {
    guard order == nil else { return }
    var own = seen.map(Double.init)
    own += Array(repeating: -1, count: parameters.count - own.count)
    let found = group.gather(own).first { ($0.first ?? -1) >= 0 }?.filter { $0 >= 0 }.map { Int($0) } ?? []
    guard !found.isEmpty else { return }
    let known = Set(found)
    order = found + parameters.indices.reversed().filter { !known.contains($0) }
    divide(order ?? [])
  }
}
