import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryTensors

/// Several classifiers of images that answer together. They may differ in their networks, in how they prepare images and in
/// the order of their classes. One alone serves to average views of images.
///
/// ```swift
/// let ensemble = try ImageEnsemble(
///   ["a.h5", "b.h5"].map { path in
///     (path, try ImagePredictor(Checkpoint.read(from: path), registry: .zoo, path: path))
///   })
/// ```
public struct ImageEnsemble {
  /// The networks, in the order in which they were given.
  public let members: [ImagePredictor]
  /// The files of the networks, in the same order.
  public let paths: [String]
  /// How the members' outputs are brought into one order of classes.
  public let alignment: ClassAlignment
  /// Which class each member predicts, with the classes in that order.
  public let decisions: [ClassDecision]
  /// The views of an image whose predictions each member averages.
  public var views = TestTimeAugmentation.single
  /// What random views are keyed by.
  public var seed: UInt64 = 0

  /// The classes, in the order of the first member.
  public var classes: [String] { alignment.classes }

  /// An ensemble of at least one network.
  ///
  /// - Throws: where the members' classes differ.
  public init(_ members: [(path: String, predictor: ImagePredictor)]) throws(EnsembleFault) {
    self.members = members.map(\.predictor)
    paths = members.map(\.path)
    alignment = try ClassAlignment(
      members.map { (path: $0.path, classes: $0.predictor.classes, isNamed: $0.predictor.namesClasses) })
    decisions = zip(members, alignment.orders).map { $0.predictor.decision.reordered($1) }
  }

  /// Calls `body` with the answers of all members for each image that all can use, in order, and returns the others.
  ///
  /// A few hundred images are worked on at once, and only their answers are kept.
  ///
  /// - Parameter progress: is told how many images are done.
  public func forEachImage(
    _ entries: [ImageEntry], workers: Int, progress: (Int) -> Void = { _ in },
    _ body: (_ index: Int, _ answers: [MemberAnswer]) throws -> Void
  ) throws -> [ImagePredictor.Skipped] {
    var skipped: [ImagePredictor.Skipped] = []
    for start in stride(from: 0, to: entries.count, by: Self.atOnce) {
      let places = start..<min(entries.count, start + Self.atOnce)
      let (answers, faults) = try answers(Array(entries[places]), workers: workers)
      for (place, answers) in zip(places, answers) {
        if let fault = faults[place - start] {
          skipped.append(.init(index: place, fault: fault))
        } else {
          try body(place, answers)
        }
      }
      progress(places.upperBound)
    }
    return skipped
  }

  private static let atOnce = 256

  /// Of each image the answers of all members, and why it has none.
  private func answers(
    _ entries: [ImageEntry], workers: Int
  ) throws -> (answers: [[MemberAnswer]], faults: [Int: PredictionFault]) {
    var faults: [Int: PredictionFault] = [:]
    /// [images][members][views]
    var views = Array(
      repeating: Array(repeating: [MemberAnswer](), count: members.count), count: entries.count)
    // Members that prepare images alike share the work.
    for group in preparations {
      for view in 0..<self.views.views {
        let lost = try members[group[0]].forEachBatch(
          entries, workers: workers, augmentation: self.views.augmentation(view), seed: seed, epoch: view
        ) { batch in
          let inputs = self.views.view(view, of: batch.inputs)
          for member in group {
            let logits = members[member].logits(inputs).scalars
            let width = logits.count / batch.indices.count
            for (row, index) in batch.indices.enumerated() {
              let answer = MemberAnswer(logits: logits[row * width..<(row + 1) * width])
              if !answer.isFinite {
                faults[index] = faults[index] ?? .notFinite(of: entries[index].path, members[member].model)
              }
              views[index][member].append(answer.reordered(alignment.orders[member]))
            }
          }
        }
        for image in lost { faults[image.index] = faults[image.index] ?? image.fault }
      }
    }
    let answers = views.enumerated().map { index, members in
      faults[index] == nil ? members.map { $0.count == 1 ? $0[0] : MemberAnswer(averaging: $0) } : []
    }
    return (answers, faults)
  }

  /// Members with the same preparation of images.
  private var preparations: [[Int]] {
    var groups: [[Int]] = []
    for (place, member) in members.enumerated() {
      if let group = groups.firstIndex(where: { members[$0[0]].preprocessing == member.preprocessing }) {
        groups[group].append(place)
      } else {
        groups.append([place])
      }
    }
    return groups
  }
}

extension ImageEnsemble {
  /// The classes of each image by all members together, the predicted one first: see `EnsembleRule.decision(of:weights:)`.
  ///
  /// - Parameter progress: is told how many images are done.
  public func predict(
    _ entries: [ImageEntry], rule: EnsembleRule, weights: EnsembleWeights, workers: Int,
    progress: (Int) -> Void = { _ in }
  ) throws -> [Result<[ImagePredictor.Answer], PredictionFault>] {
    var results: [Result<[ImagePredictor.Answer], PredictionFault>] = Array(
      repeating: .success([]), count: entries.count)
    let decision = rule.decision(of: decisions, weights: weights.values)
    let skipped = try forEachImage(entries, workers: workers, progress: progress) { index, answers in
      let shares = rule.probabilities(answers, weights: weights.values, decisions: decisions)
      results[index] = .success(
        decision.order(shares).map { ImagePredictor.Answer(name: classes[$0], probability: Float(shares[$0])) })
    }
    for image in skipped { results[image.index] = .failure(image.fault) }
    return results
  }
}
