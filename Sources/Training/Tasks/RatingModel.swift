import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryTensors

/// A network that learned ratings, in use: it predicts the ratings of a user from those that are known.
public struct RatingModel {
  /// The network.
  public let model: any EnergyModel
  /// How the table becomes the network's input.
  public let preparation: RatingPreparation
  /// How many users are looked at together.
  private static let usersAtOnce = 256

  /// A network with its preparation.
  public init(_ model: any EnergyModel, _ preparation: RatingPreparation) {
    self.model = model
    self.preparation = preparation
  }

  /// A rating that is asked for.
  public struct Asked: Equatable, Sendable {
    /// The place of the user.
    public let user: Int
    /// A position in the preparation's items.
    public let item: Int

    /// A question for a rating.
    public init(user: Int, item: Int) {
      self.user = user
      self.item = item
    }
  }

  /// What ratings are predicted to be, in the order in which they are asked for.
  ///
  /// - Parameters:
  ///   - known: the ratings from which those of the same user are predicted.
  ///   - leavingOut: whether a rating that is asked for does not count among the known ones.
  public func predictions(
    _ asked: [Asked], from known: [RatingPreparation.Known], leavingOut: Bool = false
  ) -> [Double] {
    var given: [Int: [RatingPreparation.Known]] = [:]
    for rating in known { given[rating.user, default: []].append(rating) }
    // Of a user, all that is asked for is found at once, unless each leaves out something else.
    var groups: [(user: Int, without: Int?, places: [Int])] = []
    var groupOfUser: [Int: Int] = [:]
    for (place, question) in asked.enumerated() {
      if leavingOut {
        groups.append((question.user, question.item, [place]))
      } else if let group = groupOfUser[question.user] {
        groups[group].places.append(place)
      } else {
        groupOfUser[question.user] = groups.count
        groups.append((question.user, nil, [place]))
      }
    }
    var answers = [Double](repeating: 0, count: asked.count)
    for start in stride(from: 0, to: groups.count, by: Self.usersAtOnce) {
      let part = groups[start..<min(groups.count, start + Self.usersAtOnce)]
      let levels = distributions(part.map { group in (given[group.user] ?? []).filter { $0.item != group.without } })
      for (row, group) in part.enumerated() {
        for place in group.places {
          let first = row * preparation.width + asked[place].item * preparation.scale.count
          answers[place] = preparation.expected(levels[first..<first + preparation.scale.count])
        }
      }
    }
    return answers
  }

  /// An item that a user may like.
  public struct Recommendation: Equatable, Sendable {
    /// A position in the preparation's items.
    public let item: Int
    /// The rating that is expected.
    public let rating: Double
  }

  /// The items that a user has not rated, those with the highest predictions first.
  ///
  /// - Parameter own: the ratings of the user.
  public func recommendations(
    for user: Int, from own: [RatingPreparation.Known], count: Int
  ) -> [Recommendation] {
    let rated = Set(own.map(\.item))
    let asked = preparation.items.indices.filter { !rated.contains($0) }.map { Asked(user: user, item: $0) }
    let found = zip(asked, predictions(asked, from: own)).map { Recommendation(item: $0.item, rating: $1) }
    return Array(found.sorted { ($0.rating, $1.item) > ($1.rating, $0.item) }.prefix(count))
  }

  /// Distributions over the scale of all items, one row after the other.
  private func distributions(_ users: [[RatingPreparation.Known]]) -> [Float] {
    let visible = preparation.visible(users).batch(users.indices)
    return inference { model.reconstruction(visible, completing: true) }.scalars
  }
}

extension RatingPreparation {
  /// Users as a network takes them.
  func visible(_ users: [[Known]]) -> VisibleRows {
    VisibleRows(users.map { $0.map { (place: $0.item * scale.count + $0.level, value: Float(1)) } }, width: width)
  }

  var part: VisiblePart { VisiblePart(.softmax, visible: width, levels: scale.count) }
}

/// How far predicted ratings are from those that users gave, beside predictions that know nothing of the user.
public struct RatingMetrics: Sendable {
  /// Ratings by the network.
  public private(set) var ratings = RegressionMetrics(keepsPairs: true)
  /// Of predicting each item's mean, and the mean of all ratings.
  public private(set) var itemMean = RegressionMetrics()
  /// The same with the mean of all ratings.
  public private(set) var globalMean = RegressionMetrics()

  /// Predicts ratings and compares.
  ///
  /// - Parameters:
  ///   - known: from which they are predicted; nil for the user's others among the ratings themselves.
  public init(_ ratings: [RatingPreparation.Known], from known: [RatingPreparation.Known]?, _ model: RatingModel) {
    let found = model.predictions(
      ratings.map { .init(user: $0.user, item: $0.item) }, from: known ?? ratings, leavingOut: known == nil)
    let preparation = model.preparation
    for (rating, estimate) in zip(ratings, found) {
      let value = preparation.scale[rating.level]
      self.ratings.add(target: value, estimate: estimate)
      itemMean.add(target: value, estimate: preparation.itemMeans[rating.item])
      globalMean.add(target: value, estimate: preparation.mean)
    }
  }

}

extension RegressionMetrics {
  /// With the mean squared error as the loss; nil without examples.
  var scores: Scores? {
    meanSquaredError.map {
      var scores = Scores(loss: $0)
      (scores.rmse, scores.mae, scores.r2) = (rootMeanSquaredError, meanAbsoluteError, r2)
      return scores
    }
  }
}

/// The ratings of a file in their parts.
package struct RatingParts {
  package let ratings: Ratings
  package let preparation: RatingPreparation
  package let training: [RatingPreparation.Known]
  package let validation: [RatingPreparation.Known]
  package let test: [RatingPreparation.Known]
  /// The ratings that are held out of items that no training rating is of.
  let unknown: Int

  /// - Parameter known: of a network that goes on learning, or is evaluated; nil from scratch.
  package init(
    _ path: String, _ settings: RatingSettings, _ split: RecordedSplit, keeping known: RatingPreparation?
  ) throws {
    ratings = try Ratings(csv: path, settings)
    let given = ratings.given
    guard !given.isEmpty else { throw TableFault.noRatings(path: path, user: nil) }
    let division = try split.division(of: given.count, path: path)
    let training = division.training.map { given[$0] }
    let preparation = try known ?? RatingPreparation(fitting: ratings, training, settings)
    func part(_ places: [Int]) throws(TableFault) -> (known: [RatingPreparation.Known], unknown: Int) {
      try preparation.known(places.map { given[$0] }, path: path)
    }
    self.preparation = preparation
    let (validation, test) = (try part(division.validation), try part(division.test))
    self.training = try part(division.training).known
    (self.validation, self.test, unknown) = (validation.known, test.known, validation.unknown + test.unknown)
  }

  package var fingerprint: DataFingerprint {
    var fingerprint = DataFingerprint()
    for part in [training, validation, test] { fingerprint.add(part.flatMap { [$0.user, $0.item, $0.level] }) }
    return fingerprint
  }
}

extension UnlabeledRows {
  static func ratings(
    _ path: String, _ settings: RatingSettings, _ split: RecordedSplit, keeping known: RatingPreparation?
  ) throws -> Found {
    let parts = try RatingParts(path, settings, split, keeping: known)
    let preparation = parts.preparation
    var users: [[RatingPreparation.Known]] = parts.ratings.users.map { _ in [] }
    for rating in parts.training { users[rating.user].append(rating) }
    users.removeAll(where: \.isEmpty)
    guard !users.isEmpty else { throw TableFault.noRatings(path: path, user: nil) }
    var remarks = parts.ratings.remarks
    remarks.append(
      "\(parts.ratings.users.count) users, \(preparation.items.count) items, "
        + "\(parts.training.count + parts.validation.count + parts.test.count) ratings on a scale of "
        + preparation.scaleNames.joined(separator: ", "))
    if parts.unknown > 0 {
      remarks.append("\(parts.unknown) ratings are left out, as no training rating is of their items")
    }
    func numbers(_ held: [RatingPreparation.Known]) -> (any EnergyModel) -> RegressionMetrics {
      { RatingMetrics(held, from: parts.training, RatingModel($0, preparation)).ratings }
    }
    let (validation, test) = (numbers(parts.validation), numbers(parts.test))
    var found = Found(
      items: "users", preparation: .ratings(preparation), training: preparation.visible(users),
      changes: preparation.part.changes, parts: [preparation.part], fingerprint: parts.fingerprint, remarks: remarks,
      validation: { validation($0).scores }, test: { _ in nil })
    found.numbersOfTest = test
    found.missesGroups = true
    found.skipped = parts.unknown
    found.monitors = Monitor.ofNumbers
    found.loss = { batch, model in
      inference { preparation.meanSquaredError(batch, model.reconstruction(batch, completing: false)) }
    }
    return found
  }
}

extension RatingPreparation {
  /// Of the ratings that are given: both [users, visible], with the same groups missing.
  fileprivate func meanSquaredError(_ given: Tensor, _ made: Tensor) -> Double {
    let groups = given.reshaped(to: [-1, scale.count])
    let values = Tensor(scale.map { Float($0) }, shape: [1, scale.count])
    let differences = ((groups - made.reshaped(to: [-1, scale.count])) * values).sum(over: [1])
    let count = groups.sum().scalar
    return count > 0 ? Double(differences.squared().sum().scalar / count) : 0
  }
}
