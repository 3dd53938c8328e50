import Aviary

extension DataReport {
  /// The most groups of equal images that are listed as text; JSON has all.
  private static let mostGroups = 10
  private static let mostClasses = 60

  init(_ description: ImageDescription, path: String) {
    let total = description.parts.reduce(0) { $0 + $1.images }
    lines.append(
      "\(path): \(counted(total, "image")) of \(grouped(description.classes.count)) classes"
        + (description.parts.count > 1
          ? " in the parts " + DataReport.listed(description.parts.map { $0.name ?? "" }, 5) : ""))
    addCounts(description)
    addSizes(description)
    addDamage(description.damage, total)
    addTwins(description)
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

  private mutating func addCounts(_ description: ImageDescription) {
    let parts = description.parts
    var rows = [["class"] + parts.map { $0.name ?? "images" }]
    for (label, name) in description.classes.enumerated().prefix(Self.mostClasses) {
      rows.append([name] + parts.map { grouped($0.counts[label]) })
    }
    if description.classes.count > 1 { rows.append(["all"] + parts.map { grouped($0.images) }) }
    lines.append("")
    lines += table(rows, right: Set(1...max(parts.count, 1)))
    if description.classes.count > Self.mostClasses {
      lines.append("and \(counted(description.classes.count - Self.mostClasses, "more class"))es")
    }
    for part in parts {
      guard let most = part.counts.max(), let least = part.counts.min(), most > 0, Double(most) >= 3 * Double(least)
      else {
        continue
      }
      let (large, small) = (part.counts.firstIndex(of: most) ?? 0, part.counts.firstIndex(of: least) ?? 0)
      warn(
        "unbalanced\(part.name.map { ", \($0)" } ?? ""): '\(description.classes[large])' has \(grouped(most)) images, '\(description.classes[small])' \(grouped(least))"
      )
    }
  }

  private mutating func addSizes(_ description: ImageDescription) {
    lines.append("")
    guard let widths = description.widths, let heights = description.heights else { return }
    if description.sizeCount == 1 {
      lines.append("size: all \(widths.most)×\(heights.most)")
    } else {
      lines.append(
        "width: \(widths.least) to \(widths.most), median \(widths.median); height: \(heights.least) to \(heights.most), median \(heights.median)"
      )
      let frequent = description.sizes.prefix(3).map { "\($0.size.width)×\($0.size.height) (\(grouped($0.count)))" }
      lines.append("\(grouped(description.sizeCount)) sizes, the most frequent: \(frequent.joined(separator: ", "))")
    }
  }

  private mutating func addDamage(_ damage: [ImageDescription.Damage], _ total: Int) {
    guard !damage.isEmpty else { return lines.append("damaged files: none") }
    warn("\(grouped(damage.count)) of \(counted(total, "image")) cannot be read:")
    lines += damage.prefix(Self.mostGroups).map { "    " + $0.reason }
    if damage.count > Self.mostGroups { lines.append("    and \(damage.count - Self.mostGroups) more") }
  }

  private mutating func addTwins(_ description: ImageDescription) {
    let twins = description.twins
    guard !twins.isEmpty else { return lines.append("duplicates: none") }
    func names(_ group: ImageDescription.Twins) -> String {
      let members = group.members.prefix(4).map { member in
        let part = description.parts[member.part].name.map { "\($0): " } ?? ""
        return "\(part)\(member.path)" + (group.isContradiction ? " [\(description.classes[member.label])]" : "")
      }
      return "    \(group.isExact ? "same" : "alike")  " + members.joined(separator: "  =  ")
        + (group.members.count > 4 ? "  and \(group.members.count - 4) more" : "")
    }
    func list(_ groups: [ImageDescription.Twins]) {
      lines += groups.prefix(Self.mostGroups).map(names)
      if groups.count > Self.mostGroups { lines.append("    and \(groups.count - Self.mostGroups) more groups") }
    }
    let leaks = twins.filter(\.isLeak)
    if !leaks.isEmpty {
      warn("\(counted(leaks.count, "image")) in more than one part: a test on what was trained on proves nothing")
      list(leaks)
    }
    let contradictions = twins.filter { $0.isContradiction && !$0.isLeak }
    if !contradictions.isEmpty {
      warn("\(counted(contradictions.count, "image")) in more than one class")
      list(contradictions)
    }
    let others = twins.filter { !$0.isLeak && !$0.isContradiction }
    guard !others.isEmpty else { return }
    let exact = others.filter(\.isExact).reduce(0) { $0 + $1.members.count - 1 }
    let near = others.filter { !$0.isExact }.reduce(0) { $0 + $1.members.count - 1 }
    lines.append(
      "duplicates within a part: \(grouped(exact)) with the same pixels, \(grouped(near)) that look alike")
    list(others)
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
