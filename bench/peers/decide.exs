# The plan's decision engine, in the language and the form in which the plan has it: floating point
# scores added up by clauses, and a map with the reason and the alternatives for every decision. One
# process. The guard that does not compile there (`:soc2 in compliance` of a variable) is a condition
# in the body here; the profile keys are the plan's.
#
#     elixir decide.exs PROFILES      one profile a line: BUDGET VEHICLES COMPLIANCE LATENCY REGIONS
#                                     USERS, lists with commas, "-" for an empty one
#
# Then the protocol of decide_ours.c: `explain` is the engine as the plan has it, `decide` the same
# without the sentence and the alternatives.

defmodule Engine do
  def explain(profile) do
    {mode, confidence} = choose(profile)

    %{
      mode: mode,
      infrastructure: infrastructure(mode),
      plan: plan(mode, profile),
      reason: reason(mode, profile, confidence),
      confidence: confidence,
      alternatives: alternatives(mode, profile)
    }
  end

  def decide(profile) do
    {mode, confidence} = choose(profile)

    %{
      mode: mode,
      infrastructure: infrastructure(mode),
      plan: plan(mode, profile),
      confidence: confidence
    }
  end

  defp choose(profile) do
    multi = multi_tenant_score(profile)
    single = single_tenant_score(profile)

    cond do
      multi > 0.8 -> {:multi_tenant, multi}
      single > 0.8 -> {:single_tenant, single}
      multi > single -> {:multi_tenant, multi}
      true -> {:single_tenant, single}
    end
  end

  defp multi_tenant_score(p) do
    0.5
    |> multi_budget(p.budget)
    |> multi_vehicles(p.vehicle_count)
    |> multi_compliance(p.compliance_requirements)
    |> multi_latency(p.performance_needs)
    |> multi_regions(p.geographic_distribution)
    |> multi_users(p.usage_patterns)
    |> max(0.0)
    |> min(1.0)
  end

  defp single_tenant_score(p) do
    0.5
    |> single_budget(p.budget)
    |> single_vehicles(p.vehicle_count)
    |> single_compliance(p.compliance_requirements)
    |> single_latency(p.performance_needs)
    |> single_regions(p.geographic_distribution)
    |> max(0.0)
    |> min(1.0)
  end

  defp multi_budget(score, budget) when budget < 50, do: score + 0.3
  defp multi_budget(score, budget) when budget < 100, do: score + 0.1
  defp multi_budget(score, _), do: score - 0.2

  defp multi_vehicles(score, count) when count <= 5, do: score + 0.2
  defp multi_vehicles(score, count) when count <= 10, do: score + 0.0
  defp multi_vehicles(score, _), do: score - 0.3

  defp multi_compliance(score, []), do: score + 0.1
  defp multi_compliance(score, _), do: score - 0.4

  defp multi_latency(score, %{latency_requirement: ms}) when ms > 100, do: score + 0.1
  defp multi_latency(score, %{latency_requirement: ms}) when ms < 50, do: score - 0.3
  defp multi_latency(score, _), do: score

  defp multi_regions(score, [_]), do: score + 0.1
  defp multi_regions(score, _), do: score - 0.2

  defp multi_users(score, %{peak_concurrent_users: users}) when users < 20, do: score + 0.1
  defp multi_users(score, %{peak_concurrent_users: users}) when users > 100, do: score - 0.3
  defp multi_users(score, _), do: score

  defp single_budget(score, budget) when budget > 100, do: score + 0.3
  defp single_budget(score, budget) when budget > 50, do: score + 0.1
  defp single_budget(score, _), do: score - 0.2

  defp single_vehicles(score, count) when count > 10, do: score + 0.3
  defp single_vehicles(score, count) when count > 5, do: score + 0.1
  defp single_vehicles(score, _), do: score - 0.1

  defp single_compliance(score, words) do
    cond do
      :soc2 in words -> score + 0.4
      :hipaa in words -> score + 0.5
      true -> score
    end
  end

  defp single_latency(score, %{latency_requirement: ms}) when ms < 50, do: score + 0.3
  defp single_latency(score, %{latency_requirement: ms}) when ms < 100, do: score + 0.1
  defp single_latency(score, _), do: score

  defp single_regions(score, [_, _ | _]), do: score + 0.3
  defp single_regions(score, _), do: score

  defp infrastructure(:multi_tenant), do: :hetzner
  defp infrastructure(:single_tenant), do: :flyio

  defp plan(:multi_tenant, _), do: :hobby
  defp plan(_, %{vehicle_count: count}) when count > 100, do: :business
  defp plan(_, %{vehicle_count: count}) when count > 25, do: :professional
  defp plan(_, _), do: :starter

  defp reason(:multi_tenant, p, confidence) do
    said =
      []
      |> add(p.budget < 50, "Budget-conscious customer")
      |> add(p.vehicle_count <= 5, "Small fleet size")
      |> add(p.compliance_requirements == [], "No special compliance needs")

    "Recommended multi-tenant deployment: #{Enum.join(said, ", ")} (confidence: #{confidence})"
  end

  defp reason(:single_tenant, p, confidence) do
    said =
      []
      |> add(p.vehicle_count > 10, "Large fleet requires dedicated resources")
      |> add(:soc2 in p.compliance_requirements, "SOC 2 compliance required")
      |> add(:hipaa in p.compliance_requirements, "HIPAA compliance required")
      |> add(p.performance_needs.latency_requirement < 50, "High performance requirements")

    "Recommended single-tenant deployment: #{Enum.join(said, ", ")} (confidence: #{confidence})"
  end

  defp add(said, true, sentence), do: [sentence | said]
  defp add(said, false, _), do: said

  defp alternatives(:multi_tenant, %{vehicle_count: count, compliance_requirements: words})
       when count > 8 or words != [] do
    why = "Consider upgrading if growth continues"
    [%{mode: :single_tenant, plan: :starter, reason: why, estimated_cost_increase: 0.0}]
  end

  defp alternatives(:single_tenant, %{
         vehicle_count: count,
         budget: budget,
         compliance_requirements: []
       })
       when count <= 5 and budget < 100 do
    why = "Could save costs with shared resources"
    [%{mode: :multi_tenant, plan: :hobby, reason: why, estimated_cost_savings: 0.0}]
  end

  defp alternatives(_, _), do: []
end

defmodule Bench do
  def profile(line) do
    [budget, vehicles, words, latency, regions, users] = String.split(line)

    %{
      budget: String.to_integer(budget),
      vehicle_count: String.to_integer(vehicles),
      compliance_requirements: words |> list() |> Enum.map(&String.to_atom/1),
      performance_needs: %{latency_requirement: String.to_integer(latency)},
      geographic_distribution: list(regions),
      usage_patterns: %{peak_concurrent_users: String.to_integer(users)}
    }
  end

  defp list("-"), do: []
  defp list(words), do: String.split(words, ",")

  def count([], _, multi), do: multi

  def count([profile | rest], decide, multi) do
    case decide.(profile) do
      %{mode: :multi_tenant} -> count(rest, decide, multi + 1)
      _ -> count(rest, decide, multi)
    end
  end

  def serve(profiles) do
    case IO.gets("") do
      :eof ->
        :ok

      line ->
        [verb, rounds] = String.split(line)
        IO.puts(measure(profiles, verb, String.to_integer(rounds)))
        serve(profiles)
    end
  end

  defp measure(profiles, verb, rounds) do
    decide = if verb == "explain", do: &Engine.explain/1, else: &Engine.decide/1
    start = System.monotonic_time(:microsecond)
    multi = Enum.reduce(1..rounds, 0, fn _, _ -> count(profiles, decide, 0) end)
    seconds = (System.monotonic_time(:microsecond) - start) / 1_000_000
    decisions = rounds * length(profiles)
    ~s({"decisions":#{decisions},"seconds":#{seconds},"multi_tenant":#{multi}})
  end
end

[file] = System.argv()
profiles = file |> File.stream!() |> Enum.map(&Bench.profile/1)
IO.puts(~s({"op":"ready"}))
Bench.serve(profiles)
