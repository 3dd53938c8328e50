import Aviary
import AviaryPictures

extension DataReport {
  /// The most groups of equal images that are listed as text; JSON has all.
  private static let mostGroups = 10
  private static let mostClasses = 60

  /// - Parameter entries: the images of all parts, of which the page shows some; nil without a page.
  init(_ description: ImageDescription, of path: String, entries: [ImageEntry]?) {
    let total = description.parts.reduce(0) { $0 + $1.images }
    summary =
      "\(path): \(counted(total, "image")) of \(grouped(description.classes.count)) classes"
      + (description.parts.count > 1
        ? " in the parts " + DataReport.listed(description.parts.map { $0.name ?? "" }, 5) : "")
    let pictures = entries.map { DescribedPictures($0) }
    sections = [
      .init(
        id: "classes", title: "Classes",
        blocks: Self.counts(description) + (pictures?.balance(description).map { [$0] } ?? [])),
      .init(id: "sizes", title: "Sizes", blocks: Self.sizes(description)),
      .init(id: "damage", title: "Damaged files", blocks: Self.damage(description.damage, total), isSetOff: false),
      .init(
        id: "duplicates", title: "Duplicates",
        blocks: Self.duplicates(description, pictures), isSetOff: false),
    ]
    if let samples = pictures?.samples(description) {
      sections.append(.init(id: "samples", title: "Samples", blocks: samples, isSetOff: false))
    }
    members = [
      .init("path", .text(path)), .init("kind", .text("images")), .init("classes", .texts(description.classes)),
      .init(
        "parts",
        .array(
          description.parts.map {
            .members([
              "name": $0.name.map { .text($0) } ?? .null, "images": .integer($0.images),
              "counts": .array($0.counts.map { .integer($0) }),
            ])
          })),
      .init("widths", Self.lengths(description.widths)), .init("heights", Self.lengths(description.heights)),
      .init(
        "sizes",
        .array(
          description.sizes.map {
            .members([
              "width": .integer($0.size.width), "height": .integer($0.size.height), "images": .integer($0.count),
            ])
          })),
      .init(
        "damaged",
        .array(description.damage.map { .members(["path": .text($0.path), "reason": .text($0.reason)]) })),
      .init("duplicates", .array(description.twins.map { Self.twins($0, description) })),
    ]
  }

  private static func counts(_ description: ImageDescription) -> [Block] {
    let parts = description.parts
    var rows = description.classes.enumerated().prefix(mostClasses).map { label, name in
      [name] + parts.map { grouped($0.counts[label]) }
    }
    if description.classes.count > 1 { rows.append(["all"] + parts.map { grouped($0.images) }) }
    let more = description.classes.count - mostClasses
    var blocks = [
      Block.listing(
        .init(
          caption: "Images by class", header: ["class"] + parts.map { $0.name ?? "images" }, rows: rows,
          numbers: Set(1...max(parts.count, 1)), rest: more > 0 ? "and \(counted(more, "more class"))es" : nil))
    ]
    for part in parts {
      guard let most = part.counts.max(), let least = part.counts.min(), most > 0, Double(most) >= 3 * Double(least)
      else {
        continue
      }
      let (large, small) = (part.counts.firstIndex(of: most) ?? 0, part.counts.firstIndex(of: least) ?? 0)
      blocks.append(
        .warning(
          "unbalanced\(part.name.map { ", \($0)" } ?? ""): '\(description.classes[large])' has \(grouped(most)) images, '\(description.classes[small])' \(grouped(least))"
        ))
    }
    return blocks
  }

  private static func sizes(_ description: ImageDescription) -> [Block] {
    guard let widths = description.widths, let heights = description.heights else { return [] }
    if description.sizeCount == 1 { return [.line("size: all \(widths.most)×\(heights.most)")] }
    let frequent = description.sizes.prefix(3).map { "\($0.size.width)×\($0.size.height) (\(grouped($0.count)))" }
    return [
      .line(
        "width: \(widths.least) to \(widths.most), median \(widths.median); height: \(heights.least) to \(heights.most), median \(heights.median)"
      ), .line("\(grouped(description.sizeCount)) sizes, the most frequent: \(frequent.joined(separator: ", "))"),
    ]
  }

  private static func damage(_ damage: [ImageDescription.Damage], _ total: Int) -> [Block] {
    if damage.isEmpty { return [.line("damaged files: none")] }
    return [
      .warning("\(grouped(damage.count)) of \(counted(total, "image")) cannot be read:"),
      .items(
        damage.prefix(mostGroups).map(\.reason)
          + (damage.count > mostGroups ? ["and \(damage.count - mostGroups) more"] : [])),
    ]
  }

  private static func duplicates(_ description: ImageDescription, _ pictures: DescribedPictures?) -> [Block] {
    let twins = description.twins
    if twins.isEmpty { return [.line("duplicates: none")] }
    func names(_ group: ImageDescription.Twins) -> String {
      let members = group.copiesFirst.prefix(4)
      var line = group.isExact ? "same  " : "alike  "
      for (place, member) in members.enumerated() {
        if place > 0 { line += member.picture == members[place - 1].picture ? "  =  " : "  ≈  " }
        line += description.parts[member.part].name.map { "\($0): " } ?? ""
        line += member.path + (group.isContradiction ? " [\(description.classes[member.label])]" : "")
      }
      return line + (group.members.count > 4 ? "  and \(group.members.count - 4) more" : "")
    }
    func list(_ groups: [ImageDescription.Twins]) -> [Block] {
      let more = groups.count - mostGroups
      return [.items(groups.prefix(mostGroups).map(names) + (more > 0 ? ["and \(more) more groups"] : []))]
        + (pictures?.twins(Array(groups.prefix(mostGroups)), description).map { [$0] } ?? [])
    }
    var blocks: [Block] = []
    /// How many of the groups are not only of images that look alike.
    func same(_ groups: [ImageDescription.Twins], _ isSame: (ImageDescription.Twins) -> Bool) -> String {
      "(\(grouped(groups.count { $0.copies.contains(where: isSame) })) with the same pixels)"
    }
    let leaks = twins.filter(\.isLeak)
    if !leaks.isEmpty {
      blocks.append(
        .warning(
          "\(counted(leaks.count, "image")) in more than one part \(same(leaks, \.isLeak)): a test on what was trained on proves nothing"
        ))
      blocks += list(leaks)
    }
    let contradictions = twins.filter { $0.isContradiction && !$0.isLeak }
    if !contradictions.isEmpty {
      blocks.append(
        .warning(
          "\(counted(contradictions.count, "image")) in more than one class \(same(contradictions, \.isContradiction))")
      )
      blocks += list(contradictions)
    }
    let others = twins.filter { !$0.isLeak && !$0.isContradiction }
    if others.isEmpty { return blocks }
    let exact = others.reduce(0) { $0 + $1.members.count - $1.pictures }
    let near = others.reduce(0) { $0 + $1.pictures - 1 }
    blocks.append(
      .line("duplicates within a part: \(grouped(exact)) with the same pixels, \(grouped(near)) that look alike"))
    return blocks + list(others)
  }

  private static func lengths(_ lengths: ImageDescription.Lengths?) -> JSONValue {
    guard let lengths else { return .null }
    return .members([
      "least": .integer(lengths.least), "median": .integer(lengths.median), "most": .integer(lengths.most),
    ])
  }

  private static func twins(_ group: ImageDescription.Twins, _ description: ImageDescription) -> JSONValue {
    .members([
      "same_pixels": .boolean(group.isExact), "leak": .boolean(group.isLeak),
      "contradiction": .boolean(group.isContradiction),
      "copies": .array(
        group.copies.map {
          .members([
            "leak": .boolean($0.isLeak), "contradiction": .boolean($0.isContradiction),
            "paths": .texts($0.members.map(\.path)),
          ])
        }),
      "images": .array(
        group.members.map {
          .members([
            "path": .text($0.path), "part": description.parts[$0.part].name.map { .text($0) } ?? .null,
            "class": .text(description.classes[$0.label]),
          ])
        }),
    ])
  }
}

extension ImageDescription.Twins {
  /// The members, those that have the same pixels side by side and before the others, for lists that show some.
  var copiesFirst: [Member] {
    let copies = copies.flatMap(\.members)
    let known = Set(copies.map(\.picture))
    return copies + members.filter { !known.contains($0.picture) }
  }
}
