import Aviary
import AviaryArchives
import Testing

@testable import AviaryHub

@Suite struct PublishedTableTests {
  @Test func rowsNameNetworksOfTheZoo() throws {
    let known = Set(Registry.zoo.architectures.map(\.name))
    let named = PublishedTable.own.entries.compactMap(\.architecture)
    #expect(named.count > 100)
    for name in named { #expect(known.contains(name), "\(name)") }
  }

  /// torchvision's builders say so, and neither the file nor a shape does.
  @Test(arguments: ["googlenet", "inception_v3"]) func theirInputIsTransformed(name: String) throws {
    let entry = try #require(PublishedTable.own[name + "-imagenet"])
    let configuration = try #require(entry.card["aviary"]?["configuration"])
    let architecture = try Registry.zoo.architecture(named: name)
    let published = try JSONValue(encoding: architecture.build().configuration)
    let model = try architecture.build(configuration: configuration)
    for member in try #require(JSONValue(encoding: model.configuration).members) {
      if member.name == "transformInput" {
        #expect(member.value == .boolean(true))
      } else {
        #expect(member.value == published[member.name], "\(member.name)")
      }
    }
  }
}
