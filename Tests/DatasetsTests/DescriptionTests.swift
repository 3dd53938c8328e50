import AviaryDiagnostics
import Testing

@testable import AviaryDatasets

/// What is found in data before a network learns from them.
@Suite struct DescriptionTests {
  /// Integers that are one Double: ids of databases.
  private static let ids = (0..<40).map { "12345678901234567\(10 + $0)" }

  @Test func longIntegersAreToldApart() throws {
    let csv = "id,x,y\n" + Self.ids.map { "\($0),1.50,7\n" }.joined()
    let lines = Self.ids.map { "{\"id\": \($0), \"x\": 1.5, \"y\": 7}\n" }.joined()
    for (path, text) in [("a.csv", csv), ("a.jsonl", lines)] {
      let table = try Table(csv: Array(text.utf8), path: path)
      let description = try TableDescription([table], target: "y")
      #expect(description.columns.map(\.distinct) == [40, 1, 1], "\(path)")
      #expect(description.repeats == .init(rows: 0, acrossFiles: 0, contradictions: 0), "\(path)")
      #expect(
        description.columns.map(\.warning) == [
          "all fields are the same to a network: they differ in digits that no number keeps", "all fields are the same",
          "all fields are the same",
        ])
    }
  }

  @Test func equalNumbersAreEqualHoweverTheyAreWritten() throws {
    let long = Self.ids[0]
    let first = try Table(csv: Array("id,x\n\(long),1.5\n+\(long),1.50\n3,1e3\n".utf8), path: "a.csv")
    let second = try Table(csv: Array("id,x\n3.0,1000\n\(Self.ids[1]),1.5\n".utf8), path: "b.csv")
    let description = try TableDescription([first, second], target: "x")
    #expect(description.columns.map(\.distinct) == [2, 2])
    #expect(description.repeats == .init(rows: 2, acrossFiles: 1, contradictions: 0))
    #expect(description.classes.map(\.name) == ["1.5", "1000"] && description.classes.map(\.count) == [2, 1])
  }

  /// A picture that looks like two equal ones does not hide that they are equal.
  @Test func copiesAreKnownAmongPicturesThatLookAlike() throws {
    func picture(_ value: Int, changed: Int = 0) -> DecodedImage {
      var pixels = (0..<40 * 32).flatMap { place in
        let grey = UInt8((place % 40 * value + place / 40 * 3) % 200)
        return [grey, grey, grey]
      }
      for place in 0..<changed { pixels[place] ^= 1 }
      return DecodedImage(width: 40, height: 32, pixels: pixels)
    }
    var finder = TwinFinder()
    let pictures = [
      picture(5), picture(5, changed: 3), picture(5, changed: 9), picture(5, changed: 3), picture(1), picture(1),
    ]
    for (place, picture) in pictures.enumerated() { finder.add(place, ImagePrint(picture)) }
    let groups = finder.groups()
    #expect(groups.map { $0.map(\.place) } == [[0, 1, 2, 3], [4, 5]])
    #expect(groups.map { $0.map(\.original) } == [[0, 1, 2, 1], [4, 4]])
    let twins = ImageDescription.Twins(
      members: groups[0].map { place, original in
        .init(path: "\(place)", part: place == 3 ? 1 : 0, label: place == 0 ? 1 : 0, picture: original)
      })
    #expect(!twins.isExact && twins.pictures == 3 && twins.isContradiction)
    #expect(twins.copies.map { $0.members.map(\.path) } == [["1", "3"]])
    #expect(twins.copies[0].isExact && twins.copies[0].isLeak && !twins.copies[0].isContradiction)
  }
}
