import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryTraining

/// Runs that learn tables without labels: columns, ratings and words.
@Suite struct UnlabeledTableTests {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("aviary-unlabeled-\(UUID())").path

  private struct Unexpected: Swift.Error {}

  private func write(_ text: String, to name: String = "data.csv") throws -> String {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(filePath: folder + "/" + name))
    return folder + "/" + name
  }

  private func options(
    _ data: String, _ kind: UnlabeledOptions, epochs: Int, rate: Double, _ settings: [String: String]
  ) -> TrainingOptions {
    var options = TrainingOptions(
      data: data, architecture: "rbm", epochs: epochs,
      optimizer: OptimizerConfiguration(.momentum, learningRate: rate, weightDecay: 2e-4, momentum: 0.5))
    options.kind = .unlabeled(kind)
    options.batchSize = 10
    options.configuration = settings.sorted { $0.key < $1.key }.map {
      ConfigurationChange(name: $0.key, value: $0.value)
    }
    return options
  }

  private func train(
    _ options: TrainingOptions, at name: String = "run", hooks: TrainingHooks = TrainingHooks()
  ) throws -> (summary: RunSummary?, lines: [String]) {
    var lines: [String] = []
    let report = try NetworkTraining.start(
      options, from: .scratch(Registry.zoo.architecture(named: "rbm")), registry: .zoo, at: folder + "/" + name,
      hooks: hooks
    ) { lines.append($0) }
    return (report.summary, lines)
  }

  private func trained(_ name: String = "run") throws -> (model: any EnergyModel, preparation: UnlabeledPreparation) {
    let checkpoint = try Checkpoint.read(from: folder + "/\(name)/best.h5")
    guard case .unlabeled(let preparation)? = try checkpoint.inputPreparation() else {
      throw TrainingFault.noVocabulary(path: name)
    }
    let model = try Registry.zoo.model(from: checkpoint, path: name).model
    return (try #require(model as? any EnergyModel), preparation)
  }

  // MARK: Columns

  /// Two kinds of rows, which a number, a flag and a word tell apart.
  private static let flowers =
    "size,wild,colour,same\n"
    + (0..<80).map { row in
      row % 2 == 0
        ? "\(5 + 0.1 * Double(row % 7)),1,red,x\n"
        : "\(1 + 0.1 * Double(row % 5)),0,\(row % 3 == 0 ? "blue" : "white"),x\n"
    }.joined()

  @Test func columnsOfEveryKindAreLearned() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let data = try write(Self.flowers)
    let (summary, lines) = try train(
      options(data, .columns(.init()), epochs: 40, rate: 0.08, ["hidden": "4"]))
    #expect(lines.contains("column same has the same value in every training row, and is left out"))
    let losses = try #require(summary)
    #expect(losses.items == "rows" && losses.classes.isEmpty)
    let (model, preparation) = try trained()
    guard case .columns(let units) = preparation else { throw Unexpected() }
    #expect(
      model.visibleParts == [
        .init(.gaussian, visible: 1), .init(.binary, visible: 1), .init(.softmax, visible: 3, levels: 3),
      ])
    #expect(units.numbers.map(\.name) == ["size"] && units.flags.map(\.name) == ["wild"])
    let bestLoss = try #require(losses.bestLoss)
    #expect(bestLoss < 0.1)
    // A row whose word is missing is completed, and one that mixes the kinds is unlikely.
    let table = try units.table(csv: try write("size,wild,colour\n5.2,1,\n1.2,0,blue\n5.2,0,blue\n", to: "new.csv"))
    let visible = try units.visible(of: table).visible
    let made = inference { model.reconstruction(visible, completing: true) }.scalars
    let described = units.described(made[0..<5])
    #expect(described[2].column == "colour" && described[2].value == .word("red"))
    guard case .number(let size) = described[0].value else { throw Unexpected() }
    #expect(abs(size - 5.3) < 0.8)
    let energies = model.freeEnergies(visible).scalars
    #expect(energies[2] > energies[1] + 1)
  }

  @Test func runsResumeBitForBit() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let data = try write(Self.flowers)
    var chained = options(
      data, .columns(.init()), epochs: 3, rate: 0.02, ["hidden": "4", "chains": "12", "steps": "2"])
    chained.weightAverageDecay = 0.5
    _ = try train(chained, at: "whole")
    var steps = 0
    var hooks = TrainingHooks()
    hooks.observe = { if case .stepped = $0 { steps += 1 } }
    hooks.isInterrupted = { steps == 9 }
    #expect(try train(chained, at: "stopped", hooks: hooks).summary == nil)
    _ = try NetworkTraining.resume(at: folder + "/stopped", registry: .zoo) { _ in }
    try expectSameRuns(folder + "/whole", folder + "/stopped", least: 4)
    let stored: TrainingOptions = try RunFolder(resuming: folder + "/stopped").readOptions()
    #expect(stored == chained)
  }

  @Test func whatIsFineTunedKeepsItsColumns() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let data = try write(Self.flowers)
    _ = try train(options(data, .columns(.init()), epochs: 1, rate: 0.02, ["hidden": "4"]))
    let more = try write(
      "same,colour,size,wild\n" + (0..<20).map { "y,\($0 < 9 ? "red" : "green"),\($0),\($0 % 2)\n" }.joined(),
      to: "more.csv")
    var lines: [String] = []
    var tuning = options(more, .columns(.init()), epochs: 1, rate: 0.02, [:])
    tuning.checkpoint = folder + "/run/best.h5"
    let checkpoint = try Checkpoint.read(from: folder + "/run/best.h5")
    _ = try NetworkTraining.start(
      tuning, from: .checkpoint(checkpoint, path: "run/best.h5"), registry: .zoo, at: folder + "/tuned"
    ) { lines.append($0) }
    let (tuned, first) = (try trained("tuned").preparation, try trained().preparation)
    #expect(tuned == first)
    #expect(lines.contains { $0.contains("'green' is not a word that the network knows (11 rows)") }, "\(lines)")
    #expect(lines.contains("columns not used: same"), "\(lines)")
    tuning.kind = .unlabeled(.words(.init(column: "colour")))
    #expect(throws: TrainingFault.otherKind(path: "run/best.h5", known: "columns of a table, without labels")) {
      try NetworkTraining.start(
        tuning, from: .checkpoint(checkpoint, path: "run/best.h5"), registry: .zoo, at: folder + "/other"
      ) { _ in }
    }
  }

  // MARK: Ratings

  /// Ratings from 1 to 5 of low rank: how well two properties of items suit what each user likes.
  static func ratings(users: Int = 80, items: Int = 20, share: Float = 0.6) -> String {
    var numbers = TestNumbers(seed: 5)
    let tastes = (0..<users).map { _ in numbers.floats(2, from: -1, to: 1) }
    let properties = (0..<items).map { _ in numbers.floats(3, from: -1, to: 1) }
    var text = "user,item,rating,timestamp\n"
    for (user, taste) in tastes.enumerated() {
      for (item, property) in properties.enumerated() where numbers.floats(1, from: 0, to: 1)[0] < share {
        let liking = 3 + 2.2 * (taste[0] * property[0] + taste[1] * property[1]) + 0.5 * property[2]
        text += "u\(user),i\(item),\(Int(min(5, max(1, liking.rounded())))),\(1_000_000 + user)\n"
      }
    }
    return text
  }

  @Test func ratingsArePredictedBetterThanByTheMeans() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let data = try write(Self.ratings())
    let settings = RatingSettings(user: "user", item: "item", rating: "rating")
    let (summary, lines) = try train(options(data, .ratings(settings), epochs: 25, rate: 0.5, ["hidden": "10"]))
    #expect(
      lines.contains { $0.contains("80 users, 20 items") && $0.contains("on a scale of 1, 2, 3, 4, 5") })
    let (model, preparation) = try trained()
    guard case .ratings(let prepared) = preparation else { throw Unexpected() }
    let split = RecordedSplit(seed: 0, validation: 0.1, test: 0.1)
    let parts = try RatingParts(data, settings, split, keeping: prepared)
    let metrics = RatingMetrics(parts.test, from: parts.training, RatingModel(model, prepared))
    let (own, items) = (
      try #require(metrics.ratings.rootMeanSquaredError), try #require(metrics.itemMean.rootMeanSquaredError)
    )
    #expect(own < 0.9 * items, "\(own) \(items) \(metrics.globalMean.rootMeanSquaredError ?? 0)")
    let testLoss = try #require(summary?.testLoss)
    #expect(abs(testLoss - own * own) < 1e-9)
    // What a rating is left out of does not know it.
    let one = parts.training[0]
    let without = RatingModel(model, prepared).predictions(
      [.init(user: one.user, item: one.item)], from: parts.training, leavingOut: true)
    let rest = parts.training.filter { $0 != one }
    #expect(without == RatingModel(model, prepared).predictions([.init(user: one.user, item: one.item)], from: rest))
    let best = RatingModel(model, prepared).recommendations(
      for: one.user, from: parts.training.filter { $0.user == one.user }, count: 3)
    #expect(best.count == 3 && best[0].rating >= best[1].rating)
    #expect(!parts.training.contains { $0.user == one.user && best.map(\.item).contains($0.item) })
  }

  /// Estimates that are all too high by one explain the variance.
  @Test func scoresOfRatingsHaveR2() throws {
    var metrics = RegressionMetrics()
    for target in [1.0, 2, 5, 4] { metrics.add(target: target, estimate: target + 1) }
    #expect(metrics.explainedVariance == 1)
    #expect(abs(try #require(metrics.scores?.r2) - 0.6) < 1e-12)
  }

  @Test func tablesOfUsersAndItemsAreTheSameRatings() throws {
    let long = try Table(csv: Array("u,i,r\na,x,1\na,y,2\nb,x,3\n".utf8), path: "long")
    let wide = try Table(csv: Array("u,x,y\na,1,2\nb,3,\n".utf8), path: "wide")
    let first = try Ratings(long, RatingSettings(user: "u", item: "i", rating: "r"))
    let second = try Ratings(wide, RatingSettings(wideTableOf: "u"))
    func triples(_ ratings: Ratings) -> Set<String> {
      Set(ratings.given.map { "\(ratings.users[$0.user]) \($0.item) \($0.value ?? 0)" })
    }
    #expect(triples(first) == triples(second) && triples(first).count == 3)
    #expect(second.asked.map(\.item) == ["y"])
  }

  static let odd: [(String, RatingSettings, String)] = [
    ("u,i,r\na,x,1\na,x,2\n", .init(user: "u", item: "i", rating: "r"), "row 3: 'a' has rated 'x' in row 2 already"),
    ("u,x\na,1\na,2\n", .init(wideTableOf: "u"), "row 3: 'a' has row 2 already"),
    ("u,i,r\na,,1\n", .init(user: "u", item: "i", rating: "r"), "row 2, column i: empty"),
    ("u,i,r\n,x,1\n", .init(user: "u", item: "i", rating: "r"), "row 2, column u: empty"),
    ("u,i,r\na,x,good\n", .init(user: "u", item: "i", rating: "r"), "'good' is not a number"),
    ("u,i,r\na,x,\n", .init(user: "u", item: "i", rating: "r"), "holds no rating"),
    ("u,i,r\na,x,1\n", .init(user: "u", item: "u", rating: "r"), "three different columns"),
    ("u,i,r\na,x,1\n", .init(user: "who", item: "i", rating: "r"), "no column 'who'"),
    (
      "u,i,r\n" + (0..<300).map { "a,x\($0),\($0)\n" }.joined(), .init(user: "u", item: "i", rating: "r"),
      "different values; a scale has 2 to 100"
    ),
  ]

  @Test(arguments: odd) func ratingsThatAreNoneAreRefused(text: String, settings: RatingSettings, reason: String) throws
  {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let data = try write(text)
    let fault = #expect(throws: (any Error).self) {
      try train(options(data, .ratings(settings), epochs: 1, rate: 0.1, ["hidden": "2"]))
    }
    let line = "\(fault.map { "\($0)" } ?? "")"
    #expect(line.contains(reason) && !line.contains("\n"), "\(line)")
    #expect(!FileManager.default.fileExists(atPath: folder + "/run"))
  }

  @Test func aRatingOutsideOfTheScaleIsNamed() throws {
    let table = try Table(csv: Array("u,i,r\na,x,1\na,y,5\n".utf8), path: "t.csv")
    let settings = RatingSettings(user: "u", item: "i", rating: "r")
    let ratings = try Ratings(table, settings)
    let preparation = try RatingPreparation(fitting: ratings, ratings.given, settings)
    let other = try Ratings(try Table(csv: Array("u,i,r\nb,x,6\n".utf8), path: "n.csv"), settings)
    let fault = #expect(throws: TableFault.self) { try preparation.known(other.given, path: "n.csv") }
    #expect(
      fault?.description == "n.csv: row 2, column r: 6 is not one of the 2 ratings from 1 to 5 that the network knows")
    let elsewhere = try Ratings(try Table(csv: Array("u,i,r\nb,z,5\n".utf8), path: "n.csv"), settings)
    #expect(try preparation.known(elsewhere.given, path: "n.csv").unknown == 1)
  }

  @Test func chainsDoNotPersistWhereRatingsAreMissing() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let data = try write(Self.ratings(users: 10, items: 5))
    let settings = RatingSettings(user: "user", item: "item", rating: "rating")
    let fault = #expect(throws: TrainingFault.self) {
      try train(options(data, .ratings(settings), epochs: 1, rate: 0.1, ["hidden": "2", "chains": "4"]))
    }
    #expect(fault?.description.contains("chains") == true)
    #expect(
      throws: TrainingFault.invalidSetting(name: "units", value: "binary", allowed: "left out: the table says it")
    ) {
      try train(options(data, .ratings(settings), epochs: 1, rate: 0.1, ["units": "binary"]))
    }
  }

  // MARK: Words

  private static let sport = ["goal", "team", "match", "coach", "league", "score"]
  private static let kitchen = ["salt", "oven", "butter", "flour", "recipe", "dough"]

  static func texts(_ count: Int = 100) -> String {
    var numbers = TestNumbers(seed: 8)
    return "id,text\n"
      + (0..<count).map { row in
        let words = (0..<14).map { _ in
          let number = numbers.floats(1, from: 0, to: 1)[0]
          if number < 0.3 { return "the" }
          return (row % 2 == 0 ? sport : kitchen)[Int(numbers.floats(1, from: 0, to: 5.99)[0])]
        }
        return "\(row),\"\(words.joined(separator: row % 3 == 0 ? ", " : " ").capitalized).\"\n"
      }.joined()
  }

  @Test func topicsAreFound() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let data = try write(Self.texts() + "100,\"\"\n")
    let (summary, lines) = try train(
      options(data, .words(.init(column: "text")), epochs: 30, rate: 0.01, ["hidden": "4"]))
    #expect(lines.contains { $0.contains("13 different ones counted") })
    #expect(lines.contains("1 rows without a word of the vocabulary are left out"))
    let (model, preparation) = try trained()
    guard case .words(let words) = preparation else { throw Unexpected() }
    let topics = TopicModel(model, words)
    let table = try words.table(csv: data)
    let metrics = topics.completion(of: try words.documents(of: table))
    let (loss, baseline) = (try #require(metrics.loss), try #require(metrics.baselineLoss))
    #expect(loss < baseline - 0.25, "\(loss) \(baseline)")
    let testLoss = try #require(summary?.testLoss)
    #expect(testLoss < baseline - 0.2)
    // The unit that tells the kinds apart best names words of one of them.
    let hidden = topics.topics(of: try words.documents(of: table)).scalars
    var spread: [Float] = [0, 0, 0, 0]
    for row in 0..<100 {
      for unit in 0..<4 { spread[unit] += row % 2 == 0 ? hidden[row * 4 + unit] : -hidden[row * 4 + unit] }
    }
    let telling = spread.indices.max { spread[$0].magnitude < spread[$1].magnitude } ?? 0
    let named = Set(topics.topics(words: 5)[telling])
    #expect(named.isSubset(of: spread[telling] > 0 ? Self.sport : Self.kitchen), "\(named) \(spread)")
  }

  @Test func countsAreTheSameAsTexts() throws {
    let texts = try WordPreparation.table(csv: try write("t\nb a b\nc\n\"\"\n", to: "t.csv"), .init(column: "t"))
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let words = try WordPreparation(fitting: texts, rows: [0, 1, 2], .init(column: "t"))
    #expect(words.words == ["b", "a", "c"])
    let counts = try Table(csv: Array("id,b,a,c\nx,2,1,\ny,0,0,1\nz,0,0,0\n".utf8), path: "c")
    let same = try WordPreparation(fitting: counts, rows: [0, 1, 2], .init(column: nil, excluded: ["id"]))
    #expect(same.words == words.words && same.shares == words.shares)
    let (one, other) = (try same.documents(of: counts), try words.documents(of: texts))
    #expect(one == other)
    #expect(
      WordPreparation.words(of: "Don't  STOP 'quoted' naïve\u{2019}s 42!") == [
        "don't", "stop", "quoted", "naïve's", "42",
      ])
    for (text, reason) in [
      ("a,b\n1,2\n0,-1\n", "row 3, column b: -1 is not a count"), ("a,b\n1,0.5\n", "0.5 is not a count"),
    ] {
      let table = try Table(csv: Array(text.utf8), path: "c.csv")
      let fault = #expect(throws: TableFault.self) {
        try WordPreparation(fitting: table, rows: Array(0..<table.rowCount), .init(column: nil))
      }
      #expect(fault?.description.contains(reason) == true)
    }
    let empty = try WordPreparation.table(csv: try write("t,u\n\"...\",1\n", to: "e.csv"), .init(column: "t"))
    #expect(throws: TableFault.noWords(path: folder + "/e.csv", column: "t")) {
      try WordPreparation(fitting: empty, rows: [0], .init(column: "t"))
    }
  }

  @Test func halvesShareTheWordsOfADocument() {
    let halves = Documents(
      counts: [
        [.init(word: 0, times: 3), .init(word: 2, times: 1), .init(word: 3, times: 2)], [.init(word: 1, times: 1)],
      ], rows: [0, 1]
    ).halves
    #expect(halves.given.counts == [[.init(word: 0, times: 2), .init(word: 3, times: 1)]])
    #expect(halves.asked.counts == [[.init(word: 0, times: 1), .init(word: 2, times: 1), .init(word: 3, times: 1)]])
  }

  // MARK: Checkpoints

  @Test func preparationsAreKeptInCheckpoints() throws {
    let table = try Table(csv: Array(Self.flowers.utf8), path: "t")
    let units = try ColumnUnits(fitting: table, rows: Array(0..<80), .init())
    let settings = RatingSettings(user: "u", item: "i", rating: "r")
    let ratings = try Ratings(try Table(csv: Array("u,i,r\na,x,1\na,y,5\n".utf8), path: "t"), settings)
    let words = try WordPreparation(
      fitting: Table(csv: Array("a,b\n1,2\n".utf8), path: "t"), rows: [0], .init(column: nil))
    for preparation in [
      UnlabeledPreparation.columns(units), .ratings(try RatingPreparation(fitting: ratings, ratings.given, settings)),
      .words(words),
    ] {
      let json = try InputPreparation.unlabeled(preparation).json()
      #expect(try InputPreparation(json: json) == .unlabeled(preparation))
    }
  }
}
