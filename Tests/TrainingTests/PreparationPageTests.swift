import AviaryCheckpoints
import AviaryDatasets
import Foundation
import Testing

@testable import AviaryTraining

/// `Weights/FORMAT.md` names every member that preparations of data have in a file, and every word that stands in them.
@Suite struct PreparationPageTests {
  private static let page: String = {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return (try? String(contentsOf: root.appending(path: "Weights/FORMAT.md"), encoding: .utf8)) ?? ""
  }()

  private func names(in value: JSONValue) -> Set<String> {
    switch value {
    case .object(let members):
      members.reduce(into: []) { $0.formUnion(names(in: $1.value).union([$1.name])) }
    case .array(let elements): elements.reduce(into: []) { $0.formUnion(names(in: $1)) }
    default: []
    }
  }

  private static func preparations() throws -> [InputPreparation] {
    let table = Table([
      .init("a", .numeric([1, 2, nil, 4])), .init("b", .categorical(["x", "y", "x", "z"])),
      .init("y", .numeric([1, 0, 1, 0])), .init("t", .categorical(["one", "two", "three", "one"])),
    ])
    var settings = TableSettings(target: "y", task: .classification)
    settings.outliers = .deviations(2)
    var interquartile = settings
    interquartile.outliers = .interquartile(1.5)
    let dated = Table([
      .init("when", .categorical(["2024-01-31", "2023-12-01"])), .init("a", .numeric([1, 2])),
      .init("b", .numeric([3, 5])),
      .init("y", .numeric([1, 0])),
    ])
    var binned = TableSettings(target: "y", task: .classification)
    binned.outliers = .dropDeviations(9)
    binned.binning = .init(bins: 2, encoding: .oneHot, columns: ["a"])
    binned.dates = DateSettings(columns: ["when"], format: "%Y-%m-%d", parts: [.year, .month], isCyclical: true)
    var ordinal = TableSettings(target: "y", task: .classification)
    ordinal.outliers = .dropInterquartile(9)
    ordinal.binning = .init(bins: 2, encoding: .ordinal)
    ordinal.excluded = ["when"]
    var series = SeriesSettings(target: "y", window: 2)
    (series.horizon, series.steps) = (2, 2)
    series.excluded = ["a"]
    let settingsOfRatings = RatingSettings(user: "u", item: "i", rating: "r")
    let ratings = try Ratings(Table(csv: Array("u,i,r\na,x,1\na,y,5\n".utf8), path: "ratings"), settingsOfRatings)
    return [
      .unlabeled(.columns(try ColumnUnits(fitting: table, rows: [0, 1, 2, 3], .init(excluded: ["t"])))),
      .unlabeled(.ratings(try RatingPreparation(fitting: ratings, ratings.given, settingsOfRatings))),
      .unlabeled(.words(try WordPreparation(fitting: table, rows: [0, 1, 2, 3], WordSettings(column: "t")))),
      .images(.torchvision()), .images(.raw(size: 8)), .table(try TablePreprocessing(fitting: table, settings)),
      .table(try TablePreprocessing(fitting: table, interquartile)),
      .table(try TablePreprocessing(fitting: dated, binned)), .table(try TablePreprocessing(fitting: dated, ordinal)),
      .images(Preprocessing.torchvision().normalizingEach(.standard)),
      .series(try SeriesPreprocessing(fitting: table, rows: 4, series)),
      .textColumn(
        try TextColumnPreprocessing(fitting: table, rows: [0, 1, 2, 3], TextColumnSettings(target: "y", column: "t"))),
      .tags(
        try TaggingPreprocessing(fitting: table, rows: [0, 1, 2, 3], TaggingSettings(target: "b", column: "t"))),
      .translation(
        try TranslationPreprocessing(fitting: table, rows: [0, 1], Self.pairs)),
      .generation(
        try GenerationPreprocessing(fitting: table, rows: [0, 1, 2, 3], GenerationSettings(target: "t"))),
      .graph(.init(normalizesFeatures: true, splitSeed: 1)), .text,
      .graphs(NodeEncoding(attributes: 1, labels: [.init(first: 0, count: 2)], mostNeighbours: 3)),
    ]
  }

  private static let pairs: TranslationSettings = {
    var settings = TranslationSettings(target: "b", column: "t")
    settings.tokenizer = .word
    return settings
  }()

  @Test func everyMemberIsNamed() throws {
    var found: Set<String> = []
    for preparation in try Self.preparations() {
      let json = try preparation.json()
      #expect(try InputPreparation(json: json) == preparation)
      #expect(try InputPreparation(json: JSONValue(parsing: json.serialized)) == preparation)
      found.formUnion(names(in: json))
    }
    #expect(found.count > 40)
    for name in found.sorted() {
      #expect(Self.page.contains("`\(name)`") || Self.page.contains("\"\(name)\""), "\(name)")
    }
  }

  @Test func everyWordIsNamed() {
    let words =
      TableSettings.Missing.allCases.map(\.rawValue) + TableSettings.Scaling.allCases.map(\.rawValue)
      + TableSettings.Task.allCases.map(\.rawValue) + Table.Kind.allCases.map(\.rawValue)
      + Preprocessing.Channels.allCases.map(\.rawValue) + [Preprocessing.Interpolation.bilinear.rawValue]
      + TextUnit.allCases.map(\.rawValue) + Preprocessing.Samplewise.allCases.map(\.rawValue)
      + DatePart.allCases.map(\.rawValue) + TableSettings.Binning.Strategy.allCases.map(\.rawValue)
      + TableSettings.Binning.Encoding.allCases.map(\.rawValue)
    for word in words { #expect(Self.page.contains("`\(word)`") || Self.page.contains("\"\(word)\""), "\(word)") }
  }
}
