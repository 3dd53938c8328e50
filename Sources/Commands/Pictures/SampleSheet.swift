import Aviary
import AviaryPictures

/// Some images of each class.
struct SampleSheet: DataSheet {
  private(set) var sheet: ContactSheet
  private(set) var images = 0
  private(set) var skipped: [(path: String, reason: String)] = []
  var tried: Int { images + skipped.count }
  let summary: String
  let members: [JSONValue.Member]

  /// More rows would make a picture that is longer than a PNG file is drawn.
  private static let mostRows = 150
  private static let mostSingles = 400
  private static let cell = 144

  /// - Parameters:
  ///   - count: the images of each class; nil chooses by the number of classes.
  ///   - seed: of what is chosen.
  init(_ data: ShownImages, count: Int?, seed: UInt64) throws {
    let hasClasses = !data.classes.isEmpty
    let perClass = count ?? (hasClasses ? (data.classes.count > 20 ? 1 : 8) : 48)
    let groups = data.shuffled(seed: seed)
    let isSingle = hasClasses && perClass == 1
    let rows = (perClass + 7) / 8
    let shown = isSingle ? Self.mostSingles : max(Self.mostRows / rows, 1)
    sheet = ContactSheet(title: data.title, sections: [], columns: 8, cell: Double(Self.cell))
    var singles = ContactSheet.Section("", items: [])
    for (label, group) in groups.prefix(shown).enumerated() {
      var items: [ContactSheet.Item] = []
      for entry in group where items.count < (hasClasses ? perClass : min(perClass, 8 * Self.mostRows)) {
        do throws(ImageDecodingFault) {
          let picture = try entry.decoded().fitted(Self.cell).drawable
          items.append(.init(picture, titles: [isSingle ? data.classes[label] : printable(entry.shortName)]))
        } catch {
          skipped.append((entry.path, "\(error)"))
        }
      }
      images += items.count
      if isSingle {
        singles.items += items
      } else {
        sheet.sections.append(
          hasClasses
            ? .init(printable(data.classes[label]), note: counted(group.count, "image"), items: items)
            : .init("", items: items))
      }
    }
    if isSingle { sheet.sections = [singles] }
    guard images > 0 else {
      throw CommandFault.nothingDecoded(path: data.path, first: skipped.first?.reason ?? "it is empty")
    }
    sheet.subtitle =
      counted(data.entries.count, "image")
      + (hasClasses
        ? " of \(grouped(data.classes.count)) classes" + (groups.count > shown ? ", the first \(shown) shown" : "")
        : "")
    summary = "\(counted(images, "image"))" + (hasClasses ? " of \(grouped(min(groups.count, shown))) classes" : "")
    members = [.init("classes", .texts(data.classes))]
  }
}
