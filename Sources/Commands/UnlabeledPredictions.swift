import Aviary
import AviaryDiagnostics

/// The predictions of `aviary predict` of a network that learned a table without labels.
struct UnlabeledPredictions {
  let model: any EnergyModel
  let preparation: UnlabeledPreparation
  /// How many topics, or items, are printed.
  let top: Int
  /// The only user whose ratings are predicted; nil for all.
  let user: String?
  /// Files and rows without a prediction, a line each.
  private(set) var faults: [String] = []
  private(set) var count = 0
  private(set) var lines: [String] = []
  /// As JSON has them.
  private(set) var predictions: [JSONValue] = []

  init(_ model: any EnergyModel, _ preparation: UnlabeledPreparation, top: Int, user: String?) {
    self.model = model
    self.preparation = preparation
    self.top = top
    self.user = user
  }

  /// Predicts what a file asks for. A file that cannot be read becomes a fault.
  mutating func add(_ path: String) {
    do throws(TableFault) {
      switch preparation {
      case .columns(let units): try addRows(path, units)
      case .ratings(let preparation): try addRatings(path, RatingModel(model, preparation))
      case .words(let preparation): try addTopics(path, TopicModel(model, preparation))
      }
    } catch {
      fail("\(error)", path, nil)
    }
  }

  private mutating func add(_ line: String, _ path: String, row: Int?, _ members: [JSONValue.Member]) {
    count += 1
    lines.append("\(path)\(row.map { " row \($0)" } ?? ""): \(line)")
    predictions.append(
      .object([.init("table", .text(path))] + (row.map { [.init("row", .integer($0))] } ?? []) + members))
  }

  private mutating func fail(_ fault: String, _ path: String, _ row: Int?) {
    faults.append(fault)
    add("not predicted", path, row: row, [.init("error", .text(fault))])
  }

  // MARK: Columns

  /// How likely the network takes each row to be, and what it makes of it.
  private mutating func addRows(_ path: String, _ units: ColumnUnits) throws(TableFault) {
    let table = try units.table(csv: path)
    for remark in table.remarks(on: units.columnNames) { tell("\(path): \(remark)") }
    let (visible, remarks) = try units.visible(of: table)
    for remark in remarks { tell("\(path): \(remark)") }
    let answers = UnlabeledImagePredictor.answers(model, visible)
    let made = inference { model.reconstruction(visible, completing: true) }.scalars
    for (row, answer) in answers.enumerated() {
      let number = table.rowNumbers[row]
      guard let answer else {
        fail("\(PredictionFault.notFinite(of: "\(path) row \(number)", model))", path, number)
        continue
      }
      let values = units.described(made[row * units.width..<(row + 1) * units.width])
      let restored = JSONValue.object(
        values.map { column, value in
          switch value {
          case .number(let number): .init(column, .real(number))
          case .word(let word): .init(column, .text(word))
          }
        })
      add(answer.line, path, row: number, answer.members + [.init("reconstruction", restored)])
    }
  }

  // MARK: Ratings

  /// The ratings that the file leaves empty; where it leaves none, what each user would rate highest.
  private mutating func addRatings(_ path: String, _ model: RatingModel) throws(TableFault) {
    let preparation = model.preparation
    let ratings = try Ratings(csv: path, preparation.settings)
    for remark in ratings.remarks { tell("\(path): \(remark)") }
    let (known, unknown) = try preparation.known(ratings.given, path: path)
    if unknown > 0 {
      tell("\(path): \(counted(unknown, "rating")) of items that the network does not know are not used")
    }
    var chosen = Array(ratings.users.indices)
    if let user {
      guard let place = ratings.users.firstIndex(where: { $0.isExactly(user) }) else {
        throw .noRatings(path: path, user: user)
      }
      chosen = [place]
    }
    let own = Dictionary(grouping: known, by: \.user)
    for user in chosen where own[user] == nil {
      tell(
        "\(path): '\(ratings.users[user])' has rated nothing that the network knows: what all users rate is predicted")
    }
    // A wide table asks for all that it leaves empty, which is what a person may like.
    let isChosen = Set(chosen)
    let asked = preparation.settings.columns == nil ? [] : ratings.asked.filter { isChosen.contains($0.user) }
    if asked.isEmpty {
      for user in chosen { recommend(ratings.users[user], user, own[user] ?? [], path, model) }
      return
    }
    let items = Dictionary(
      preparation.items.enumerated().map { (ExactText($1), $0) }, uniquingKeysWith: { first, _ in first })
    let found = asked.map { items[ExactText($0.item)] }
    let questions = zip(asked, found).compactMap { rating, item in
      item.map { RatingModel.Asked(user: rating.user, item: $0) }
    }
    var answers = model.predictions(questions, from: known)[...]
    for (rating, item) in zip(asked, found) {
      let user = ratings.users[rating.user]
      guard item != nil else {
        fail(
          "\(path) row \(rating.row): the network does not know the item '\(rating.item)': no training rating was of it",
          path, rating.row)
        continue
      }
      let value = answers.removeFirst()
      guard value.isFinite else {
        fail("\(PredictionFault.notFinite(of: "\(path) row \(rating.row)", self.model))", path, rating.row)
        continue
      }
      add(
        "\(user) would rate \(rating.item) \(significant(value, 4))", path, row: rating.row,
        [.init("user", .text(user)), .init("item", .text(rating.item)), .init("rating", .real(value))])
    }
  }

  private mutating func recommend(
    _ name: String, _ user: Int, _ own: [RatingPreparation.Known], _ path: String, _ model: RatingModel
  ) {
    let best = model.recommendations(for: user, from: own, count: top)
    guard best.allSatisfy({ $0.rating.isFinite }) else {
      return fail("\(PredictionFault.notFinite(of: "\(path) user \(name)", self.model))", path, nil)
    }
    let items = best.map { (name: model.preparation.items[$0.item], rating: $0.rating) }
    let text =
      items.isEmpty
      ? "has rated every item" : items.map { "\($0.name) \(significant($0.rating, 4))" }.joined(separator: ", ")
    add(
      "\(name): \(text)", path, row: nil,
      [
        .init("user", .text(name)),
        .init(
          "items",
          .array(items.map { .members(["item": .text($0.name), "rating": .real($0.rating)]) })),
      ])
  }

  // MARK: Words

  /// The topics that are the likeliest in each document.
  private mutating func addTopics(_ path: String, _ model: TopicModel) throws(TableFault) {
    let table = try model.preparation.table(csv: path)
    let documents = try model.preparation.documents(of: table)
    let words = model.topics(words: 5)
    let found = documents.rows.isEmpty ? [] : model.topics(of: documents).scalars
    let places = Dictionary(uniqueKeysWithValues: zip(documents.rows, 0...))
    for row in 0..<table.rowCount {
      let number = table.rowNumbers[row]
      guard let place = places[row] else {
        fail("\(path) row \(number): no word of it is in the vocabulary", path, number)
        continue
      }
      let own = found[place * words.count..<(place + 1) * words.count]
      guard own.allSatisfy(\.isFinite) else {
        fail("\(PredictionFault.notFinite(of: "\(path) row \(number)", self.model))", path, number)
        continue
      }
      let best = own.indices.sorted { (own[$0], $1) > (own[$1], $0) }.prefix(top)
      let topics = best.map { (number: $0 - own.startIndex, probability: own[$0]) }
      add(
        topics.map {
          "topic \($0.number + 1) \(percent(Double($0.probability))) (\(words[$0.number].joined(separator: ", ")))"
        }
        .joined(separator: "; "), path, row: number,
        [
          .init(
            "topics",
            .array(
              topics.map {
                .members([
                  "topic": .integer($0.number + 1), "probability": .real($0.probability),
                  "words": .texts(words[$0.number]),
                ])
              }))
        ])
    }
  }
}
