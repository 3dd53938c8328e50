import AviaryDiagnostics

/// How ratings become the visible values of a network that learns without labels (Salakhutdinov, Mnih & Hinton, 2007): each
/// user is a row, and each item a group of values, one for each rating of the scale. What a user has not rated is missing.
public struct RatingPreparation: Codable, Equatable, Sendable {
  /// What was asked for.
  public internal(set) var settings: RatingSettings
  /// Those that the training ratings are of, sorted.
  public internal(set) var items: [String]
  /// The different ratings, from the lowest on.
  public internal(set) var scale: [Double]
  /// The mean of each item's training ratings, and of all: what a prediction is compared with.
  public internal(set) var itemMeans: [Double]
  /// The mean of all ratings.
  public internal(set) var mean: Double

  /// The ratings as a person writes them.
  public var scaleNames: [String] { scale.map(TablePreprocessing.className) }

  /// The number of visible values of a user.
  public var width: Int { items.count * scale.count }

  /// Fits to the training ratings.
  public init(fitting ratings: Ratings, _ training: [Ratings.Rating], _ settings: RatingSettings) throws(TableFault) {
    self.settings = settings
    let values = training.compactMap(\.value)
    guard !values.isEmpty else { throw .noRatings(path: ratings.path, user: nil) }
    scale = Set(values).sorted()
    guard (2...RatingSettings.scaleLimit).contains(scale.count) else {
      throw .noScale(
        path: ratings.path, column: settings.columns?.rating ?? "all but \(settings.user)", count: scale.count,
        limit: RatingSettings.scaleLimit)
    }
    items = training.map(\.item).distinct
    mean = ColumnStatistics.mean(values)
    var (sums, counts) = (items.map { _ in 0.0 }, items.map { _ in 0 })
    let places = items.places
    for rating in training {
      guard let place = places[ExactText(rating.item)], let value = rating.value else { continue }
      sums[place] += value
      counts[place] += 1
    }
    itemMeans = zip(sums, counts).map { $0 / Double($1) }
    guard items.count <= TablePreprocessing.featureLimit * 10 / scale.count else {
      throw .tooManyFeatures(count: items.count * scale.count, limit: TablePreprocessing.featureLimit * 10)
    }
  }

  /// A rating as the network knows it.
  public struct Known: Equatable, Sendable {
    /// The user.
    public let user: Int
    /// The item.
    public let item: Int
    /// A position in the scale.
    public let level: Int
  }

  /// Ratings of items that training has seen, and how many there are of others.
  ///
  /// - Throws: where one is outside of the scale.
  public func known(
    _ ratings: [Ratings.Rating], path: String
  ) throws(TableFault) -> (known: [Known], unknown: Int) {
    let (places, levels) = (items.places, Dictionary(uniqueKeysWithValues: zip(scale, 0...)))
    var (known, unknown): ([Known], Int) = ([], 0)
    for rating in ratings {
      guard let value = rating.value else { continue }
      guard let level = levels[value] else {
        let names = scaleNames
        throw .valueNotAllowed(
          path: path, row: rating.row, column: settings.columns?.rating ?? rating.item,
          value: TablePreprocessing.className(value),
          allowed:
            "one of the \(scale.count) ratings from \(names[0]) to \(names[names.count - 1]) that the network knows")
      }
      guard let item = places[ExactText(rating.item)] else {
        unknown += 1
        continue
      }
      known.append(Known(user: rating.user, item: item, level: level))
    }
    return (known, unknown)
  }

  /// The rating that a distribution over the scale stands for: its mean.
  public func expected(_ levels: ArraySlice<Float>) -> Double {
    zip(levels, scale).reduce(0) { $0 + Double($1.0) * $1.1 }
  }

  /// Refuses what contradicts itself: checkpoints come from anywhere.
  public func validated() throws(TableFault) -> RatingPreparation {
    guard (2...RatingSettings.scaleLimit).contains(scale.count), !items.isEmpty, items.areDistinct,
      zip(scale, scale.dropFirst()).allSatisfy({ $0 < $1 }), itemMeans.count == items.count,
      (scale + itemMeans + [mean]).allSatisfy(\.isFinite)
    else { throw .unreadablePreprocessing(reason: "the items or the scale of ratings contradict themselves") }
    return self
  }
}
