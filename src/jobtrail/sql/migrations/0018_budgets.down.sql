drop table jobtrail.budget_waits;
drop table jobtrail.budget_holds;
drop table jobtrail.budgets;
drop function jobtrail.period_end(jobtrail.budget_period);
drop function jobtrail.period_start(jobtrail.budget_period);
drop type jobtrail.budget_policy;
drop type jobtrail.budget_period;
drop type jobtrail.budget_scope;
