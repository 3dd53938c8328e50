import AviaryDatasets
import AviaryDiagnostics
import AviaryKernels
import AviaryLayers

/// What to train of a network for a set of images, and how to treat rare classes, with the reasons.
///
/// It follows the table of transfer learning (Stanford's CS231n, "Transfer Learning"): with few images only the head is
/// trained, with many more of the network; and how much depends on whether the network's own features already tell the
/// classes apart, which cross-validated linear probes at several depths measure.
public struct Advice: Sendable {
  /// What a linear classifier makes of the features at a depth.
  public struct Depth: Sendable, Equatable {
    /// The path of the layer whose output the features are.
    public let layer: String
    /// The mean recall of the classes over folds.
    public let balancedAccuracy: Double
    /// The standard error of `balancedAccuracy`.
    public let standardError: Double
  }

  /// How many images there are to learn from.
  public enum Size: String, Sendable {
    /// Fewer than `fewImages` of a class in the middle of all classes.
    case small
    /// As many, or more.
    case large
  }
  /// Whether the deepest features serve as well as any others.
  public enum Similarity: String, Sendable {
    /// They do: the images are like those that the network was trained on.
    case similar
    /// Features before them tell the classes apart better.
    case different
  }

  /// The names of the classes, in the order of their folders.
  public let classes: [String]
  /// The number of images of each class.
  public let counts: [Int]
  /// What linear probes found, from the first layer to the last.
  public let depths: [Depth]
  /// Whether there are few images of a class in the middle of all classes: see `fewImages`.
  public let size: Size
  /// Whether what the network was trained on is like these images, as far as the probes tell.
  public let similarity: Similarity
  /// The layers of the backbone that are trained, from the first to the last; empty for the head alone.
  public let trained: [String]
  /// Whether no layer is frozen.
  public let isWholeNetworkTrained: Bool
  /// The classes that are rare, by their places.
  public let rare: [Int]
  /// The macro F1 of each treatment of rare classes; empty where no class is rare.
  public let treatments: [(treatment: RareClassTreatment, macroF1: Double)]
  /// The treatment that is advised.
  public let treatment: RareClassTreatment
  /// Why, a line each.
  public let reasons: [String]
  /// The options of `aviary finetune` beside --from, --data and --output.
  public let arguments: [String]
  /// Images that could not be read.
  public let skipped: Int

  /// Fewer images of a class in the middle of all classes are few.
  public static let fewImages = 100
  /// Above this share of what is to be gained over guessing, the deepest features are good.
  static let goodFeatures = 0.5

  /// - Parameters:
  ///   - limit: the most images of each class that are looked at.
  ///   - mostSkipped: the largest share of these that may be unreadable.
  ///   - progress: is told how many images are done, of how many.
  public init<Model: Classifier>(
    _ model: Model, on images: ImageFolder, preprocessing: Preprocessing, limit: Int = 200, seed: UInt64 = 0,
    workers: Int, mostSkipped: Double = 1, progress: (Int, Int) throws -> Void = { _, _ in }
  ) throws {
    let all = TrainingClasses(names: images.classes, labels: images.entries.map { Int32($0.label) })
    rare = all.rare
    let entries = Self.chosen(images, limit: limit, keepingShares: !rare.isEmpty, seed: seed)
    // The head that will be trained may be of another kind than the checkpoint's, and be given something else.
    let model = model.replacingHead(outputs: images.classes.count, seed: seed)
    let found = try FeatureDepths(model, entries, preprocessing, keepsHead: !rare.isEmpty, workers: workers) {
      try progress($0, entries.count)
    }
    guard found.labels.count > 1, Set(found.labels).count > 1 else {
      throw TrainingFault.noReadableImages(
        items: "images", count: entries.count, first: found.skipped.first.map { "\($0.reason)" } ?? "")
    }
    skipped = found.skipped.count
    if Double(skipped) > mostSkipped * Double(entries.count) + 1e-9 {
      throw TrainingFault.tooManySkipped(
        items: "images", skipped: skipped, tried: entries.count, all: entries.count, most: mostSkipped,
        paths: found.skipped.prefix(3).map(\.path), first: found.skipped.first.map { "\($0.reason)" } ?? "")
    }
    let folds = min(
      5, max(2, TrainingClasses(names: images.classes, labels: found.labels).counts.filter { $0 > 1 }.min() ?? 2))
    depths = found.depths.map { depth in
      let outcome = LinearProbe(
        features: depth.features, width: depth.width, labels: found.labels, classes: images.classes.count
      ).crossValidated(folds: folds, seed: seed)
      return Depth(
        layer: depth.path, balancedAccuracy: outcome.balancedAccuracy, standardError: outcome.standardError)
    }
    (classes, counts) = (images.classes, all.counts)
    let verdict = Verdict(counts: all.counts, depths: depths)
    (size, similarity, trained) = (verdict.size, verdict.similarity, verdict.trained)
    isWholeNetworkTrained = verdict.isWholeNetworkTrained
    // The head, as a run with a frozen backbone trains it.
    var options = TrainingOptions(
      epochs: 5, optimizer: OptimizerConfiguration(.adamw, learningRate: 1e-3), schedule: .constant)
    options.seed = seed
    var scores: [(treatment: RareClassTreatment, macroF1: Double)] = []
    if !rare.isEmpty {
      let trial = RareClassTrial(
        model: model, features: found.headFeatures, shape: found.headShape,
        classes: TrainingClasses(names: images.classes, labels: found.labels), options: options)
      for treatment in RareClassTreatment.allCases {
        if let score = try trial.score(treatment, folds: folds) { scores.append((treatment, score)) }
      }
    }
    treatments = scores
    treatment = scores.max { $0.macroF1 < $1.macroF1 }?.treatment ?? .none
    reasons = verdict.reasons + Self.reasons(scores, treatment, rare.map { images.classes[$0] })
    arguments =
      treatment.arguments
      + verdict.arguments(images: images.entries.count, monitored: treatment == .none ? nil : "macro-f1")
  }

  /// Some of the images, each class with its share where that matters.
  private static func chosen(
    _ images: ImageFolder, limit: Int, keepingShares: Bool, seed: UInt64
  ) -> [ImageEntry] {
    let members = Dictionary(grouping: images.entries.indices) { images.entries[$0].label }
    let most = members.values.map(\.count).max() ?? 0
    let share = keepingShares && most > limit * 5 ? Double(limit * 5) / Double(most) : 1
    return members.sorted { $0.key < $1.key }.flatMap { label, places in
      let wanted =
        keepingShares ? max(min(places.count, 10), Int(Double(places.count) * share)) : min(limit, places.count)
      var random = RandomStream(seed: seed, purpose: "advice", path: images.classes[label])
      return random.permutation(places.count).prefix(wanted).sorted().map { images.entries[places[$0]] }
    }
  }

  private static func reasons(
    _ scores: [(treatment: RareClassTreatment, macroF1: Double)], _ best: RareClassTreatment, _ rare: [String]
  ) -> [String] {
    guard !rare.isEmpty else { return ["no class is rare"] }
    let list = scores.map { "\($0.treatment.rawValue) \(significant($0.macroF1, 3))" }.joined(separator: ", ")
    return [
      "rare: \(rare.prefix(5).joined(separator: ", ")); macro F1 of heads on frozen features, cross-validated: \(list)",
      best == .none ? "nothing that was tried helps rare classes here" : "\(best.rawValue) helps them most",
    ]
  }
}
