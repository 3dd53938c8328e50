import Aviary
import AviaryPictures

/// Images with what a network says of them: the most confident mistakes first, then the least confident right answers.
struct PredictionSheet: DataSheet {
  private(set) var sheet: ContactSheet
  private(set) var images = 0
  private(set) var skipped: [(path: String, reason: String)] = []
  let tried: Int
  let summary: String
  let members: [JSONValue.Member]

  private static let cell = 144

  private struct Judged {
    let entry: ImageEntry
    let answer: Int
    let probability: Float
    var isRight: Bool { answer == entry.label }
  }

  /// - Parameters:
  ///   - part: images whose classes are the network's.
  ///   - count: the most images on the sheet.
  init(_ part: DataPart, _ loaded: LoadedModel, count: Int, workers: Int, data: String) throws {
    let entries = part.folder.entries
    let classes = part.folder.classes
    var judged: [Judged] = []
    let decision = loaded.predictor.metadata.announcedDecision(loaded.path)
    let left = try loaded.forEachBatch(entries, workers: workers, label: "predicting") { batch in
      let probabilities = inference { softmax(loaded.predictor.logits(batch.inputs)) }.scalars
      for (row, index) in batch.indices.enumerated() {
        let own = Array(probabilities[row * classes.count..<(row + 1) * classes.count])
        guard own.allSatisfy(\.isFinite) else {
          throw PredictionFault.notFinite(of: entries[index].path, loaded.model)
        }
        let answer = decision.predicted(own)
        judged.append(Judged(entry: entries[index], answer: answer, probability: own[answer]))
      }
    }
    tried = entries.count
    skipped = left.map { (entries[$0.index].path, "\($0.fault)") }
    guard !judged.isEmpty else {
      throw CommandFault.nothingDecoded(path: data, first: skipped.first?.reason ?? "it is empty")
    }
    let wrong = judged.filter { !$0.isRight }.sorted { $0.probability > $1.probability }
    let right = judged.filter(\.isRight).sorted { $0.probability < $1.probability }
    // A third is for the right ones, as far as there are enough mistakes.
    let shownWrong = wrong.prefix(max(count - min(right.count, count / 3), 0))
    let shownRight = right.prefix(count - shownWrong.count)
    let name = data.split(separator: "/").last.map(String.init) ?? data
    sheet = ContactSheet(
      title: "\(printable(name))" + (part.name.map { ", \($0)" } ?? ""), sections: [], columns: 8,
      cell: Double(Self.cell))
    let share = Double(right.count) / Double(judged.count)
    sheet.subtitle =
      "\(printable(loaded.path)): \(grouped(right.count)) of \(grouped(judged.count)) right (\(percent(share)))"
    for (heading, shown, all) in [
      ("✗ wrong, the most confident first", shownWrong, wrong),
      ("✓ right, the least confident first", shownRight, right),
    ] where !shown.isEmpty {
      let items = try shown.map { try Self.item($0, classes) }
      sheet.sections.append(.init("\(heading): \(grouped(shown.count)) of \(grouped(all.count))", items: items))
    }
    images = shownWrong.count + shownRight.count
    summary = "\(counted(judged.count, "image")), \(counted(wrong.count, "mistake")); \(grouped(images)) shown"
    members = [
      .init("predicted", .integer(judged.count)), .init("accuracy", .real(share)),
      .init(
        "mistakes",
        .array(
          shownWrong.map {
            .members([
              "image": .text($0.entry.path), "class": .text(classes[$0.entry.label]),
              "predicted": .text(classes[$0.answer]), "probability": .real($0.probability),
            ])
          })),
    ]
  }

  private static func item(_ judged: Judged, _ classes: [String]) throws -> ContactSheet.Item {
    let picture = try judged.entry.decoded().fitted(cell).drawable
    // The sign says the same as the colour, for people who do not tell red from green. Long names are cut off at their ends.
    let title =
      "\(judged.isRight ? "✓" : "✗") \(percent(Double(judged.probability))) \(printable(classes[judged.answer]))"
    let truth = judged.isRight ? printable(judged.entry.shortName) : "is \(printable(classes[judged.entry.label]))"
    return .init(picture, titles: [title, truth], color: judged.isRight ? .right : .wrong, isFramed: true)
  }
}
